"""A short tale, written for this course: the text of the character model in section 12."""

from __future__ import annotations

import numpy as np

__all__ = ["load_tale", "windows"]

_TALE = """
the miller had a mill, and the mill had a wheel. the wheel stood in the stream, and the stream came
down from the hill. when there was rain on the hill, there was water in the stream. when there was
water in the stream, the wheel would turn. when the wheel would turn, the stone would turn. when the
stone would turn, there was flour for the bread. one morning the bread was bad. who is to blame,
said the miller. not i, said the bread, i am made of the flour. not i, said the flour, i came from
under the stone. not i, said the stone, i turn when the wheel turns. not i, said the wheel, i turn
when the stream is there. not i, said the stream, i bring what the hill sends down. so the miller
took a stick and went up along the stream, from the bread to the flour, from the flour to the stone,
from the stone to the wheel, and from the wheel to the stream. and at each door he asked the same
question. if you had been a little more, how much more would the next one have been. the flour told
him, and the stone told him, and the wheel told him, and he wrote each answer down, and multiplied
it with the answer he had from the door before. in the evening he stood on the hill with one number
in his hand. it told him what a little more rain would do to the bread. and there was a second
stream, which left the first one at the old bridge and came back to it behind the mill. it had a
small wheel of its own, and the small wheel drove a fan, and the fan blew on the flour. so the
miller went up the second stream as well, from the flour to the fan, from the fan to the small
wheel, and from there to the bridge. now he had two numbers at the bridge, one for each way that the
water could take. he did not choose between them. he did not put the second in the place of the
first. he added them, for the water had gone both ways. the next day he moved one stone in the
stream, only a little, against the number that he had found. the bread was a little better. the day
after he went up again, and asked at each door again, and moved the stone again. the baker laughed
at him. why do you not try all the stones, one after the other, and taste the bread each time.
because there are ten thousand stones, said the miller, and one bread a day. i walk up once, and i
know them all. in the winter the stream froze, and the wheel stood still. the miller asked at the
wheel, and the wheel said nothing. how much more would the stone have turned, if the stream had been
a little more. not at all, said the wheel, i am frozen. so nothing came down to the stones above the
ice, and nothing could be learned from the bread. he waited for the spring. in the spring the water
was so high that the wheel turned as fast as it could, and a little more water made it no faster.
again the numbers he wrote down were small, and the steps he took were small, and the bread was as
it had been. then he built a gate above the wheel. each morning the gate took what came, and let
through as much as the wheel could use, not too little and not too much, whatever the weather on the
hill. after that he learned more in a week than in a year. when he was old, he gave the mill to his
daughter, and with the mill he gave her the book of numbers. what is the rule, she asked. go from
the bread to the hill, he said, and never the other way. ask at each door once. multiply along the
way, and add where two ways meet. and when the bread is good, leave the stones where they are.
"""


def load_tale() -> tuple[str, str]:
    """The tale, as (text to learn from, text to test on): the first four fifths and the rest, cut at a line's end.

    Small letters, spaces, commas, full stops and line ends: 29 different characters at most.
    """
    lines = _TALE.lstrip("\n").splitlines(keepends=True)
    cut = len(lines) * 4 // 5
    return "".join(lines[:cut]), "".join(lines[cut:])


def windows(text: str, alphabet: str, length: int) -> tuple[np.ndarray, np.ndarray]:
    """What to predict from what: each `length` characters in a row, and the character that follows them.

    alphabet : the characters in order; a character's number is its place there

    Returns
    -------
    contexts : int64, shape (N, length); N = len(text) − length
    targets : int64, shape (N,)

    Raises ValueError where the text has a character that is not in the alphabet, or no window fits into it.
    """
    unknown = sorted(set(text) - set(alphabet))
    if unknown:
        raise ValueError(f"The text has characters that are not in the alphabet: {unknown}.")
    if not 1 <= length < len(text):
        raise ValueError(f"A window of {length} characters and the next one do not fit into {len(text)} characters.")
    number = {character: i for i, character in enumerate(alphabet)}
    numbers = np.array([number[character] for character in text], dtype=np.int64)
    every = np.lib.stride_tricks.sliding_window_view(numbers, length + 1)
    return every[:, :-1].copy(), every[:, -1].copy()
