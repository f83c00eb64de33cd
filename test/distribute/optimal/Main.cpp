// of-optimal-choices: does the search choose what is best? Random programs are compiled with
// `strategy: auto` and compared with what an enumeration finds.
//
//   random text ─┬─▶ of-assign-placements, of-distribute ─▶ Outcome: what the result costs
//                └─▶ Program ─▶ Enumeration: the least that it can cost          equal?
#include "test/distribute/optimal/Check.h"

int main(int argc, char **argv) { return of::test::checkChoices(argc, argv); }
