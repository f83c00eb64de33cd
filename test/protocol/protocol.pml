/* The protocol of the runtime, small enough to be checked in every order of events.
 *
 * Three nodes, one actor each: node 0 makes VERSIONS versions, node 1 turns each into another, node
 * 2 takes them. Two edges with SLOTS slots each. At any step a node may die, CRASHES of them at
 * most. The nodes agree on one verdict: ALLDONE, or a node that died. See README.md for what stands
 * for what in the code.
 *
 * Checked: slots are written when they are free and read when they are full, in order; credits are
 * never lost or made; all nodes that leave name the same verdict, and a right one; every node that
 * lives leaves (no invalid end state). A bug may be put in with -DBUG=1 to 5.
 */
#ifndef VERSIONS
#define VERSIONS 3
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef BUG
#define BUG 0
#endif

#define NODES 3
#define ALLDONE 8 /* a verdict: nobody died */
#define NONE 9    /* no verdict yet */

mtype = { DONE, VERDICT, AGREED, RELEASE, TAKEOVER };

chan ready[2] = [SLOTS] of { byte };      /* edge e: node e to node e + 1 */
chan ack[2] = [SLOTS] of { byte };        /* and back */
chan control[9] = [4] of { mtype, byte }; /* from * NODES + to */

byte credit[2] = SLOTS;
byte reading[2];      /* slots that the consumer has taken and not given back */
bool filled[4];         /* edge * SLOTS + slot, with SLOTS <= 2 */
byte value[4];
bool dead[NODES], left[NODES];
byte crashes;
byte last = NONE; /* the verdict of those that have left */

inline conserved(e) {
  assert(credit[e] + len(ready[e]) + reading[e] + len(ack[e]) == SLOTS)
}

inline write(e, k) { /* version k of edge e, and its token */
  assert(!filled[e * SLOTS + k % SLOTS]);
  filled[e * SLOTS + k % SLOTS] = true;
  value[e * SLOTS + k % SLOTS] = k;
  credit[e] = credit[e] - 1;
  ready[e]!k;
  conserved(e)
}

inline take(e, k) { /* a token comes: it must be the next one, its slot full with it */
  ready[e]?token;
  assert(token == k);
  assert(filled[e * SLOTS + k % SLOTS] && value[e * SLOTS + k % SLOTS] == k);
  reading[e] = reading[e] + 1
}

inline giveBack(e, k) {
  filled[e * SLOTS + k % SLOTS] = false;
  reading[e] = reading[e] - 1;
  ack[e]!k;
  conserved(e)
}

inline loseLast(c) { /* of the frames under way none, some or all, from the last on */
  do
  :: nempty(control[c]) ->
       for (from : 2 .. len(control[c])) {
         control[c]?kind(token);
         control[c]!kind(token)
       }
       control[c]?kind(token)
  :: break
  od
}

#define closed(n) ((dead[n] || left[n]) && empty(control[(n) * NODES + me]))
#define bit(n) (1 << (n))
#define above(n) (7 & ~(bit(n + 1) - 1)) /* the nodes after n */

proctype Node(byte me) {
  byte made, taken, held = NONE, token, from, v;
  byte coordinator, verdict = NONE;
  byte lost, agreed, finished, here; /* sets of nodes */
  byte next = NODES;                 /* whom the coordinator tells next; NODES: nobody */
  bool proposed, released, reported;
  mtype kind;

  if
  :: me == 0 -> here = 7 /* all are connected to node 0 at first */
  :: else -> here = 0
  fi;

  do
  /* ---- It dies. */
  :: atomic { crashes < CRASHES && !left[me] -> crashes++; dead[me] = true;
       for (v : 0 .. NODES - 1) {
         loseLast(me * NODES + v)
       }
       v = 0; from = 0; break }

  /* ---- The actor. */
  :: atomic { me == 0 && verdict == NONE && made < VERSIONS && (credit[0] > 0 || BUG == 1) ->
       write(0, made); made++ }
  :: atomic { me == 1 && verdict == NONE && held == NONE && nempty(ready[0]) ->
       take(0, taken); held = taken;
       if :: BUG == 2 -> giveBack(0, taken) :: else fi; taken++ }
  :: atomic { me == 1 && verdict == NONE && held != NONE && credit[1] > 0 ->
       assert(filled[held % SLOTS] && value[held % SLOTS] == held);
       write(1, made); made++;
       if :: BUG != 2 -> giveBack(0, held) :: else fi; held = NONE }
  :: atomic { me == 2 && verdict == NONE && held == NONE && nempty(ready[1]) ->
       take(1, taken); held = taken; taken++ }
  :: atomic { me == 2 && verdict == NONE && held != NONE -> giveBack(1, held); held = NONE }
  :: atomic { me < 2 && verdict == NONE && nempty(ack[me]) ->
       ack[me]?token; credit[me] = credit[me] + 1; conserved(me) }

  /* ---- It has done its part: all versions, all credits home. */
  :: atomic { verdict == NONE && !reported && held == NONE &&
              (me == 0 || taken == VERSIONS) &&
              (me == 2 || (made == VERSIONS && credit[me] == SLOTS)) ->
       reported = true; finished = finished | bit(me);
       if :: coordinator != me -> control[me * NODES + coordinator]!DONE(0) :: else fi }

  /* ---- Frames. */
  :: atomic { !left[me] && (nempty(control[0 + me]) || nempty(control[NODES + me]) ||
                            nempty(control[2 * NODES + me])) ->
       if
       :: nempty(control[0 + me]) -> from = 0
       :: nempty(control[NODES + me]) -> from = 1
       :: nempty(control[2 * NODES + me]) -> from = 2
       fi;
       if
       :: control[from * NODES + me]?[DONE(v)] ->
            control[from * NODES + me]?DONE(v); finished = finished | bit(from)
       :: control[from * NODES + me]?[VERDICT(v)] ->
            control[from * NODES + me]?VERDICT(v);
            assert(verdict == NONE || verdict == v);
            verdict = v;
            control[me * NODES + from]!AGREED(0)
       :: control[from * NODES + me]?[AGREED(v)] ->
            control[from * NODES + me]?AGREED(v); agreed = agreed | bit(from)
       :: control[from * NODES + me]?[RELEASE(v)] ->
            control[from * NODES + me]?RELEASE(v); released = true
       :: control[from * NODES + me]?[TAKEOVER(v)] ->
            control[from * NODES + me]?TAKEOVER(v); here = here | bit(from);
            if :: v != NONE && verdict == NONE && BUG != 4 -> verdict = v :: else fi
       fi }

  /* ---- A connection closes, behind its last frame. */
  :: atomic { coordinator != me && !released && closed(coordinator) ->
       assert(!left[coordinator] || verdict != NONE); /* who leaves knows that all know */
       lost = lost | bit(coordinator); coordinator++;
       if
       :: coordinator != me -> control[me * NODES + coordinator]!TAKEOVER(verdict)
       :: else
       fi }
  :: atomic { coordinator == me && !released && me < 2 && !(lost & bit(me + 1)) && closed(me + 1) ->
       lost = lost | bit(me + 1) }
  :: atomic { coordinator == me && !released && me < 1 && !(lost & bit(me + 2)) && closed(me + 2) ->
       lost = lost | bit(me + 2) }

  /* ---- The coordinator decides, when all have turned to it or are lost. */
  :: atomic { coordinator == me && !proposed &&
              (((here | lost) & above(me)) == above(me) || BUG == 5) &&
              (verdict != NONE || lost != 0 || finished == 7) ->
       if
       :: verdict != NONE
       :: verdict == NONE && (lost & 1) -> verdict = 0
       :: verdict == NONE && (lost & 2) -> verdict = 1
       :: verdict == NONE && (lost & 4) -> verdict = 2
       :: verdict == NONE && lost == 0 && finished == 7 -> verdict = ALLDONE
       fi;
       proposed = true; next = me + 1 }
  :: atomic { coordinator == me && proposed && next < NODES ->
       if
       :: !(lost & bit(next)) -> control[me * NODES + next]!VERDICT(verdict)
       :: else
       fi;
       next++ }

  /* ---- All know: it releases them, one after the other, and leaves. */
  :: atomic { coordinator == me && proposed && next == NODES &&
              (((agreed | lost) & above(me)) == above(me) || BUG == 3) ->
       next = NODES + 1 + me + 1 }
  :: atomic { coordinator == me && next > NODES && next < 2 * NODES + 1 ->
       if
       :: !(lost & bit(next - NODES - 1)) -> control[me * NODES + next - NODES - 1]!RELEASE(0)
       :: else
       fi;
       next++ }
  :: atomic { (released || next == 2 * NODES + 1) && !left[me] ->
       assert(verdict != NONE);
       assert(verdict == ALLDONE || dead[verdict]);
       assert(crashes > 0 || verdict == ALLDONE);
       assert(last == NONE || last == verdict);
       last = verdict;
       left[me] = true;
       break }
  od
}

init {
  atomic { run Node(0); run Node(1); run Node(2) }
}
