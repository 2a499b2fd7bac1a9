"""The process that runs Typst: one request a line on standard input, one reply a line on standard output.

Started by `typst.py` by its path, with the folder it may read and the bytes of memory it may take.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any


def limit_memory(size: int) -> None:
    """No more address space than this, and no core file when the process dies."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    except (ImportError, ValueError, OSError):
        pass  # Windows, and macOS, which refuses: the time is limited there, too


def limit_time(seconds: float) -> None:
    """So much processor time from now on; the system ends the process after it."""
    try:
        import resource

        soft = int(time.process_time() + seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
    except (ImportError, ValueError, OSError):
        pass


def fonts(folder: Path, system: bool, strict: bool) -> Any:
    """Typst's own fonts and those of the folder; `strict` leaves out the font of boxes for unknown characters."""
    import typst

    folders = [str(folder / "fonts")] + ([] if strict else [str(folder / "last-resort")])
    return typst.Fonts(include_system_fonts=system, font_paths=folders)


def answer(folder: Path, request: dict, known: dict) -> dict:
    """Do what one request asks for; the PDF lies in `out.pdf` afterwards."""
    import typst

    key = (request["system_fonts"], request.get("strict", False))
    if key not in known:
        known[key] = fonts(folder, *key)
    compiler = typst.Compiler(root=folder, font_paths=known[key], package_path=folder / "packages")
    main = request["main"].encode()
    try:
        if request.get("query"):
            # typst's own query reads a file; as the input of a compiler the text needs none.
            (folder / "main.typ").write_bytes(main)
            compiler = typst.Compiler(folder / "main.typ", folder, known[key], package_path=folder / "packages")
            return {"errors": [], "found": json.loads(compiler.query(request["query"], field="value"))}
        if request.get("png"):
            pages = compiler.compile(main, format="png", ppi=200)
            (folder / request["png"]).write_bytes(pages[0] if isinstance(pages, list) else pages)
            return {"errors": [], "found": None}
        standard = request.get("standard")
        pdf = compiler.compile(main, format="pdf", **({"pdf_standards": standard} if standard else {}))
        (folder / "out.pdf").write_bytes(pdf)
    except (typst.TypstError, RuntimeError) as error:
        lines = str(getattr(error, "diagnostic", "") or error).split("\n")
        return {"errors": [line.removeprefix("error: ") for line in lines if line.startswith("error")] or [str(error)]}
    return {"errors": [], "found": None}


def main() -> None:
    # `import typst` means the package, not the module beside this file.
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != here]
    folder, known = Path(sys.argv[1]), {}
    limit_memory(int(sys.argv[2]))
    for line in sys.stdin:
        request = json.loads(line)
        limit_time(request["seconds"])
        before = time.process_time()
        reply = answer(folder, request, known)
        print(json.dumps({"found": None, **reply, "seconds": time.process_time() - before}), flush=True)


if __name__ == "__main__":
    main()
