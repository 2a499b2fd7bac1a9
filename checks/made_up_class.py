"""The made-up class of the demo, and the sections that it hands in."""

from __future__ import annotations

from autograder.demo.classroom import (
    MadeUp,
    attack,
    crash,
    cut_off,
    duplicate_and_delete,
    in_first_half,
    lose_metadata,
    never_end,
    replace,
    resave_in_colab,
    twisted,
)

SECTIONS = ("01-staged-backprop", "03-relu-net-by-hand", "04-ridge")

CLASS: tuple[MadeUp, ...] = (
    MadeUp("ada", "everything right"),
    MadeUp(
        "ben",
        "everything right, written another way, with prints and a warning",
        {
            "staged_product": replace("g = x + y", "print('working on it')\n    g = y + x"),
            "d_W2": replace("return", "np.log(np.zeros(1))\n    return 1.0 *"),
            "sum_node": replace("self.a.d_out += self.d_out", "self.a.d_out = self.a.d_out + self.d_out"),
        },
    ),
    MadeUp("chi", "the first half of each notebook", keep=lambda template, grade_id: in_first_half(template, grade_id)),
    MadeUp("dov", "handed in as released", keep=lambda template, grade_id: False),
    MadeUp(
        "eli",
        "a lost path in f3, no ReLU mask at the first layer, ridge without its penalty",
        {
            "f3": replace("grad_e2 = grad_p2 / d + grad_d", "grad_e2 = grad_p2 / d"),
            "d_r0": replace(" * slopes", ""),
            "ridge_regression": replace("L2NormPenaltyNode(l2_reg, w,", "L2NormPenaltyNode(0.0, w,"),
        },
    ),
    MadeUp(
        "fay",
        "copies forgotten, an outer product swapped, = for +=",
        {
            "shared_input": replace("dfdb = dfdb1 + dfdb2", "dfdb = dfdb2"),
            "d_W1": replace(
                'np.outer(d_loss_d_r1(variable_dict, W2, y_observed), variable_dict["h0"])',
                'np.outer(variable_dict["h0"], d_loss_d_r1(variable_dict, W2, y_observed))',
            ),
            "l2_penalty": replace("self.w.d_out += ", "self.w.d_out = "),
        },
        timestamp="2026-03-20 12:00:00 UTC",
    ),
    MadeUp("gus", "a cell that ends the process", damage=crash),
    MadeUp(
        "hal",
        "a loop that never ends, in a cell and in a function",
        {"f3": replace("e1, e2 =", "while True:\n        pass\n    e1, e2 =")},
        damage=lambda notebook, section: never_end(notebook, section) if section.startswith("03") else None,
    ),
    MadeUp("ivy", "hostile", keep=lambda template, grade_id: False, damage=attack),
    MadeUp("jan", "cells duplicated and deleted", damage=duplicate_and_delete),
    MadeUp("kim", "saved again by Colab", damage=resave_in_colab),
    MadeUp(
        "lea",
        "one upload cut off, one without metadata, one upside down",
        damage=lambda notebook, section: {"01": cut_off, "03": lose_metadata}.get(section[:2], twisted)(
            notebook, section
        ),
    ),
)
