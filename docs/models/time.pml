/* Lease time: R15. Ticks, their cap, the grace of a new term, leader changes.

   Every clock is exact (a drift is a factor, not modelled). A leader counts for a tick min(CAP, its
   own real time since the previous tick that it proposed in this term), the first one counts 0. A
   claim that is granted or renewed ends at lease time + LEASE + CAP, and not before the grace of
   the term is over. A tick is committed at any time after it was read, or is lost when its leader
   goes. An idle leader does not tick, so the first tick after a grant may count idle time: at most
   CAP.

   The grant stands for a renewal too: its age counts from the latest moment from which its client
   may count its own deadline (when the heartbeat was sent, at the latest when it was proposed).

   Time has no bound: everything is kept as a distance, up to FAR. */
#include "must.pml"
hidden byte R15_NEVER_AHEAD_OF_REAL_TIME, R15_NO_LEASE_ENDS_EARLY, R15_GRACE_IS_KEPT;

#define CAP 2
#define LEASE 3
#define GRACE 4
#define FAR 7
#ifndef TERMS
#define TERMS 3
#endif
#define SLACK_MAX 15                    /* more than two ticks above FAR: none is missed */

#define NOT_YET 0
#define PROPOSED 1                      /* in front of the next tick */
#define BEHIND_TICK 2                   /* behind the tick that is in flight */
#define GRANTED 3

byte slack;                             /* real time - lease time */
byte since[2];                          /* real time since the last tick of leader 0 and 1 */
byte counted, leader, term;             /* counted: by the tick in flight */
bool counting[2], in_flight, ended;
byte grant, age, lease_left;            /* of the claim, in real and in lease time */
byte term_age, grace_left;

#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define MINUS(a, b) ((a) > (b) -> (a) - (b) : 0)
#ifdef M_NO_MARGIN
#define MARGIN 0
#else
#define MARGIN CAP
#endif

inline real_time_passes() {
    slack = MIN(slack + 1, SLACK_MAX);
    since[0] = MIN(since[0] + 1, FAR); since[1] = MIN(since[1] + 1, FAR);
    term_age = MIN(term_age + 1, FAR);
    if :: grant != NOT_YET -> age = MIN(age + 1, FAR) :: else fi
}

inline add_lease_time() {
    MUST(R15_NEVER_AHEAD_OF_REAL_TIME, counted <= slack);
    slack = slack - counted;
    grace_left = MINUS(grace_left, counted);
    lease_left = MINUS(lease_left, counted);
    counted = 0
}

inline propose_tick() {
#ifdef M_FIRST_TICK_COUNTS
    elapsed = (counting[leader] -> since[leader] : CAP);
#else
    elapsed = (counting[leader] -> since[leader] : 0);
#endif
#ifndef M_NO_CAP
    elapsed = MIN(elapsed, CAP);
#endif
    if
    :: counting[leader] && elapsed == 0
    :: else -> counted = elapsed; in_flight = true; counting[leader] = true; since[leader] = 0
    fi;
    elapsed = 0
}

inline commit_tick() {
    in_flight = false;
    add_lease_time();
    if
    :: grant == GRANTED && lease_left == 0 && grace_left == 0 ->
        ended = true;
        MUST(R15_NO_LEASE_ENDS_EARLY, age >= LEASE);
        MUST(R15_GRACE_IS_KEPT, term == 0 || term_age >= GRACE)
    :: else
    fi
}

/* What was in flight is committed or lost; the new term's first entry sets the grace. */
inline change_leader() {
    term++; in_flight = false;
    if :: add_lease_time() :: counted = 0 fi;
    leader = 1 - leader;
#ifndef M_TICKS_OF_OTHERS_COUNT
    counting[leader] = false;
#else
    counting[leader] = true;
#endif
    term_age = 0;
#ifndef M_NO_GRACE
    grace_left = GRACE
#endif
}

active proctype world() {
    byte elapsed;
end:
    do
    :: d_step { !ended -> real_time_passes() }
    :: d_step { !in_flight && !ended -> propose_tick() }
    :: atomic { in_flight && grant != PROPOSED -> commit_tick() }
    :: d_step { grant == NOT_YET ->
           if :: in_flight -> grant = BEHIND_TICK :: else -> grant = PROPOSED fi }
    :: d_step { grant == PROPOSED || (grant == BEHIND_TICK && !in_flight) ->
           grant = GRANTED; lease_left = LEASE + MARGIN;
#ifdef X_COUNTED_FROM_ARRIVAL
           age = 0                              /* what the rule does not promise */
#endif
           }
    :: atomic { term < TERMS && (grant == NOT_YET || grant == GRANTED) -> change_leader() }
    od
}
