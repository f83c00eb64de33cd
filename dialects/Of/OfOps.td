// All ops of the dialect, one file per family.
#ifndef OF_OPS_TD
#define OF_OPS_TD

include "dialects/Of/Structure.td"
include "dialects/Of/Pointwise.td"
include "dialects/Of/Reduction.td"
include "dialects/Of/Contraction.td"
include "dialects/Of/Convolution.td"
include "dialects/Of/Pooling.td"
include "dialects/Of/Shape.td"
include "dialects/Of/Loss.td"
include "dialects/Of/Rows.td"
include "dialects/Of/Slicing.td"
include "dialects/Of/Activation.td"
include "dialects/Of/Normalization.td"
include "dialects/Of/Random.td"

#endif
