"""The families of mistakes a check can recognise, and the sentence a student reads for each."""

from __future__ import annotations

from dataclasses import dataclass

FAMILIES: dict[str, str] = {
    "none": "nothing came back (None)",
    "type": "not an array or a number",
    "dtype": "the wrong kind of numbers: integers, booleans, complex numbers, objects",
    "shape": "the wrong shape",
    "transposed": "the transpose of the right array",
    "batch_axis": "one gradient per example where the sum over the batch belongs",
    "nan": "not-a-number entries",
    "infinite": "infinite entries",
    "zero": "zero everywhere: never computed, or multiplied away",
    "sign": "the opposite sign",
    "factor": "a constant factor too much or too little",
    "missing_mean": "summed over the batch where the mean belongs",
    "averaged": "averaged where the sum belongs",
    "offset": "shifted by a constant",
    "absolute": "the sign lost: absolute values",
    "order": "the right numbers in another order",
    "one_entry": "one entry wrong, the others right",
    "masked": "right where it is not zero, but zero in too many places",
    "missing_mask": "the derivative of the activation left out (not zero where units are off)",
    "precision": "right to single precision (float32) only",
    "numeric": "right to a few digits only: a numerical derivative, or a small constant added",
    "assigned": "`=` where `+=` belongs: a second contribution replaces the first",
    "accumulated_twice": "added to `d_out` twice",
    "stale": "left over from an earlier pass: not reset, or not computed again",
    "upstream_ignored": "the upstream gradient left out",
    "upstream_summed": "the sum of the upstream gradient in place of each of its entries",
    "upstream_twice": "multiplied by the upstream gradient twice",
    "bias_axis": "the bias gradient summed over the wrong axis",
    "outer_swapped": "the arguments of an outer product the wrong way round",
    "wrong_argument": "a wrong quantity used in a formula of the right form",
    "swapped_arguments": "two arguments, or two gradients, exchanged",
    "missing_chain_factor": "a factor of the chain rule left out",
    "missing_term": "a term of a sum left out (one path from the variable to the result)",
    "mask_of_wrong_layer": "the activation derivative taken from another layer",
    "recomputed": "computed again from the input where the stored output should be used",
    "activation_on_output": "an activation function applied to the last layer",
    "missing_activation": "no activation function where one belongs",
    "kink": "another value exactly at the kink of ReLU",
    "global_max": "one maximum for the whole array where each row needs its own",
    "unstable": "overflow: exponentials of large scores without subtracting the maximum",
    "epsilon_in_log": "a small constant added inside the logarithm",
    "constant_loss": "a loss that does not depend on its inputs",
    "wrong_loss": "another loss function",
    "penalty_in_prediction": "the penalty added to the prediction, inside the square",
    "missing_penalty": "the penalty left out",
    "half_penalty": "the ½ of the penalty left out, or one too many",
    "bias_regularised": "the bias penalised too",
    "one_hot_expected": "labels read as one-hot vectors where class numbers are given",
    "one_based_labels": "labels counted from 1 where they count from 0",
    "one_node_only": "one input node served, another forgotten",
    "range": "right for ordinary numbers, wrong for small, large or zero ones",
    "shared_state": "two objects of one class that share their values, or a result kept from an earlier call",
    "in_place": "an array of somebody else changed in place",
    "missing": "a result that is not there",
    "unrecognised": "none of the above: wrong in a way that no other family explains",
}

# What the student reads. {name} is the quantity (∂J/∂W), {var} the variable in it (W).
_TEXTS: dict[str, str] = {
    "none": "{name} is None: is that part finished, and does it return or store its result?",
    "zero": "{name} is zero everywhere: was it computed, and did anything multiply it by zero?",
    "sign": "{name} has the right size and the opposite sign.",
    "missing_mean": "{name} is as many times too large as there are examples: is it summed where the mean belongs?",
    "averaged": "{name} is as many times too small as there are examples: is it averaged where the sum belongs?",
    "offset": "{name} differs from the right values by the same constant in every entry.",
    "absolute": "{name} has the right size, but every entry is positive: the sign got lost.",
    "order": "{name} has the right numbers in the wrong order: check which index goes with which.",
    "masked": "{name} is right where it is not zero, but it is zero in places where it should not be: "
    "is the mask taken from the right array?",
    "missing_mask": "{name} is not zero where it should be: is the derivative of the activation function missing?",
    "precision": "{name} agrees to single precision only: was something turned into float32 on the way?",
    "numeric": "{name} agrees to a few digits but not to rounding: is it a numerical derivative, or is a small "
    "constant added somewhere?",
    "transposed": "{name} is the transpose of the right one.",
    "assigned": "{var} feeds two nodes here, and only the last contribution survived. "
    "Did backward() assign to {var}.d_out instead of adding to it?",
    "accumulated_twice": "{name} was added twice: each path from {var} to the result contributes once per pass.",
    "stale": "{name} carries something over from an earlier pass: forward() has to compute `out` and reset `d_out` "
    "every time.",
    "upstream_ignored": "{name} leaves out the upstream gradient: multiply the local derivative by what arrives from "
    "the next node.",
    "upstream_summed": "{name} uses the sum of the upstream gradient: each entry of the output has its own.",
    "upstream_twice": "{name} contains the upstream gradient twice.",
    "bias_axis": "{name} is summed over the wrong axis: sum over the examples, and keep one entry per output.",
    "outer_swapped": "{name} is an outer product with its two arguments exchanged: which index is the row?",
    "wrong_argument": "{name} has the right form but uses a wrong quantity in it.",
    "swapped_arguments": "{name} has the value that belongs to another variable: are two of them exchanged?",
    "missing_chain_factor": "{name} lacks a factor of the chain rule: follow the path from the result back to {var} "
    "node by node.",
    "missing_term": "{name} lacks a term: more than one path leads from {var} to the result, and their contributions "
    "add up.",
    "mask_of_wrong_layer": "{name} uses the activation derivative of another layer.",
    "recomputed": "{name} does not use the stored output: backward() can be written with `self.out` alone.",
    "activation_on_output": "{name} looks as if an activation function were applied to the last layer: scores are "
    "used as they are.",
    "missing_activation": "{name} looks as if an activation function were missing between the layers.",
    "kink": "{name} differs where the input is exactly 0: look up which value is asked for at the kink.",
    "global_max": "{name} subtracts one maximum for the whole array: each row needs its own.",
    "unstable": "{name} overflows for large scores: subtract the maximum before taking exponentials.",
    "epsilon_in_log": "{name} is off by a small constant inside the logarithm: take the logarithm of the probability "
    "itself.",
    "constant_loss": "{name} does not depend on the inputs.",
    "wrong_loss": "{name} is the value of another loss function.",
    "penalty_in_prediction": "{name} has the penalty added to the prediction, inside the square: it belongs to the "
    "objective.",
    "missing_penalty": "{name} leaves out the penalty.",
    "half_penalty": "{name} differs by a factor 2 in its penalty part: is there a ½ in the definition, and in yours?",
    "bias_regularised": "{name} contains a penalty on the bias: only the weights are penalised.",
    "one_hot_expected": "{name} reads the label as a one-hot vector: it is the number of the class.",
    "one_based_labels": "{name} counts the classes from 1: the labels count from 0.",
    "one_node_only": "Nothing was added to {var}.d_out: backward() adds to d_out of each input; what it returns is not "
    "used.",
    "range": "{name} is right for ordinary numbers and wrong for small, large or zero ones.",
    "shared_state": "{name} has a value that belongs to another object or to an earlier call: is something kept in the "
    "class, or in a variable outside?",
    "in_place": "{name} was changed in place: make a copy, others still need the original.",
    "missing": "{name} is missing from the result.",
    "batch_axis": "{name} keeps one gradient per example: sum over the batch.",
}

# The same families when the caller can say which one: key "missing_chain_factor:W2" fills {detail}.
_DETAILED: dict[str, str] = {
    "missing_chain_factor": "{name} lacks the factor {detail}.",
    "missing_term": "{name} lacks a term: {detail}.",
    "wrong_argument": "{name} has the right form but uses a wrong quantity: {detail}.",
    "swapped_arguments": "{name} has the value that belongs to another: were {detail} exchanged?",
    "mask_of_wrong_layer": "{name} uses the activation derivative of another layer: it should be taken at {detail}.",
    "recomputed": "{name} does not use {detail}, the value stored by forward().",
    "wrong_loss": "{name} is the value of another loss: {detail}.",
    "stale": "{name} carries something over from an earlier pass: {detail}.",
    "range": "{name} is wrong for {detail}, and right for others.",
    "in_place": "{name} comes from an array that was changed in place: {detail}.",
    "activation_on_output": "{name} looks as if {detail} were applied to the last layer: scores are used as they are.",
    "missing_activation": "{name} looks as if {detail} were missing between the layers.",
}


@dataclass(frozen=True)
class Mistake:
    """A recognised mistake: `family` is a key of FAMILIES, `text` one or two sentences for the student."""

    family: str
    text: str


def explain(family: str, name: str, detail: str = "") -> Mistake:
    """Mistake of the given family about the quantity `name`, in words.

    `detail` says which factor, term, argument, ... where the family has room for it. KeyError for an unknown family.
    """
    if family not in FAMILIES:
        raise KeyError(f"unknown family of mistakes {family!r}: choose one of {', '.join(sorted(FAMILIES))}")
    template = _DETAILED[family] if detail and family in _DETAILED else _TEXTS.get(family)
    if template is None:
        template = "{name}: " + FAMILIES[family] + "."
    return Mistake(family, template.format(name=name, var=variable_of(name), detail=detail))


def variable_of(name: str) -> str:
    """Variable in the name of a gradient: "∂J/∂W", "grad_W", "dW" and "W" all give "W"."""
    if "/∂" in name:
        return name.rsplit("/∂", 1)[1]
    for prefix in ("grad_", "d_loss_d_", "d_"):
        if name.startswith(prefix) and len(name) > len(prefix):
            return name[len(prefix) :]
    return name
