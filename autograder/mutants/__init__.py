from .exercise import Exercise, Mutant, Variant, code_cells, namespace, patched

__all__ = ["Exercise", "Mutant", "Variant", "code_cells", "namespace", "patched"]
