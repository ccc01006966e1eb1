"""A simulated loan book whose true probabilities of default are known exactly.

The order of things: a calendar of months (:mod:`.months`); borrowers with a latent health that moves as a Markov
chain (:mod:`.population`); loans whose unpaid instalments move as a second chain given that health (:mod:`.chain`,
:mod:`.loans`); benign arrears that only look like trouble (:mod:`.benign`); payments that realise the chain exactly
(:mod:`.payments`); records of every other table, which show health with noise and lag (:mod:`.persons`, :mod:`.companies`,
:mod:`.statements`, :mod:`.bureau`, :mod:`.events`, :mod:`.contracts`, :mod:`.collection`, :mod:`.context`); the ways in which
a lender's sources are wrong (:mod:`.reporting`); and, apart from all records, the truth (:mod:`.truth`).
"""

from .parameters import Parameters, read_parameters
from .write import Summary, simulate

__all__ = ["Parameters", "Summary", "read_parameters", "simulate"]
