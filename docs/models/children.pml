/* Children that come with a completion: R8, and the jobs of R21.

   One parent; each of its claims may spawn two children with its completion. A child is stored by some
   manager, reported to the ledger at any later time, and its consumer may never get the answer. The
   consumer acks whenever it likes. A lease may end before or after that. What becomes of the children
   of a claim that ended is a job, one child a step; that a child ended is told to the parent by
   another. Between any two steps anything else may happen. A child may die once; an operator redrives
   it, and the parent that died of it. */
#include "must.pml"
hidden byte R8_ONLY_UNDER_THE_CURRENT_CLAIM, R8_UNSEEN_BEFORE_THE_ACK, R8_ALL_OR_NONE;
hidden byte R8_DONE_AFTER_ITS_CHILDREN, I6_COMPLETED_ONCE, I19_EVERY_TASK_IS_DONE;

#ifndef B_EXP
#define B_EXP 1                 /* leases that end */
#endif
#ifndef B_DIE
#define B_DIE 1                 /* children that die */
#endif
#define CLAIMS (B_EXP + 1)
#define LAST (2 * CLAIMS)       /* children 2t - 1 and 2t are of claim t */
#define CLAIM_OF(c) ((c + 1) / 2)

mtype = { none, sent, pending, open, done, dead, gone };        /* a child; gone: void */
mtype = { ready, claimed, blocked, finished, failed };          /* the parent */
mtype = { fail, ignore, wait };                                 /* what a dead child means for it */

mtype parent = ready, policy = fail, child[LAST + 1] = none;
byte token, acked, completions;
bool told[LAST + 1];            /* its consumer has been told that the child exists */
/* The ledger's counts, and its jobs. */
byte count_open, count_failed, count_pending;
bool births[CLAIMS + 1];        /* the children of this claim, which ended, are looked at */
bool telling[LAST + 1];         /* it ended, and its parent has not been told */
bool ack_sent[CLAIMS + 1];
byte exp_left = B_EXP, die_left = B_DIE;

inline judge() {
    if
    :: parent == blocked && count_failed > 0 && policy == fail -> parent = failed
#ifdef M_PENDING_NOT_COUNTED
    :: parent == blocked && !(count_failed > 0 && policy == fail) && count_open == 0 &&
#else
    :: parent == blocked && !(count_failed > 0 && policy == fail) && count_open + count_pending == 0 &&
#endif
       (count_failed == 0 || policy == ignore) ->
        MUST(R8_DONE_AFTER_ITS_CHILDREN,
             child[2 * acked - 1] != open && child[2 * acked] != open &&
             child[2 * acked - 1] != pending && child[2 * acked] != pending);
        parent = finished
    :: else
    fi
}

inline end_claim() {
#ifdef M_ONLY_ACKS_ARE_TOLD
    if :: acked == token -> births[token] = true :: else fi
#else
    births[token] = true
#endif
}

/* A child's report arrives. */
inline create(c, answered) {
#ifdef M_ANY_CLAIM
    if
    :: parent == claimed ->
#else
    if
    :: parent == claimed && token == CLAIM_OF(c) ->
#endif
        MUST(R8_ONLY_UNDER_THE_CURRENT_CLAIM, token == CLAIM_OF(c));
#ifdef M_ALIVE_AT_ONCE
        child[c] = open; count_open++;
#else
        child[c] = pending; count_pending++;
#endif
        told[c] = answered
    :: else -> child[c] = gone
    fi
}

/* One child of a claim that ended: it lives, or it never was. */
inline bear(c) {
    count_pending--;
#ifdef M_ALL_ARE_BORN
    if
    :: true -> child[c] = open; count_open++
#else
    if
    :: acked == CLAIM_OF(c) -> child[c] = open; count_open++
    :: else -> child[c] = gone
#endif
    fi
}

inline tell(c) {
    telling[c] = false; count_open--;
    if :: child[c] != done -> count_failed++ :: else fi;
    judge()
}

/* Whose parent has not been told yet was never counted as failed. */
inline redrive(c) {
    child[c] = open;
    if
#ifdef M_REDRIVE_OVERTAKES_THE_TELLING
    :: telling[c] && count_failed > 0 -> count_failed--; count_open++
    :: telling[c] && count_failed == 0
#else
    :: telling[c] -> telling[c] = false
#endif
    :: !telling[c] -> count_failed--; count_open++
    fi;
    judge()
}

#define SPAWN(c) \
    :: d_step { parent == claimed && token == CLAIM_OF(c) && child[c] == none && !ack_sent[token] -> \
                child[c] = sent }
#define CREATE(c) \
    :: d_step { child[c] == sent -> create(c, true) } \
    :: d_step { child[c] == sent -> create(c, false) }
#define BEAR(c) :: d_step { births[CLAIM_OF(c)] && child[c] == pending -> bear(c) }
#define BORN(t) \
    :: d_step { births[t] && child[2 * t - 1] != pending && child[2 * t] != pending -> \
                births[t] = false; judge() }
#define RUN(c) \
    :: d_step { child[c] == open && !telling[c] -> \
                MUST(R8_UNSEEN_BEFORE_THE_ACK, acked == CLAIM_OF(c)); \
                child[c] = done; telling[c] = true } \
    :: d_step { child[c] == open && !telling[c] && die_left > 0 -> \
                die_left--; child[c] = dead; telling[c] = true }
#define TELL(c) :: d_step { telling[c] -> tell(c) }
#define REDRIVE(c) :: d_step { child[c] == dead -> redrive(c) }
#define EACH(what) what(1) what(2) what(3) what(4)

active proctype consumer() {
    if :: policy = fail :: policy = ignore :: policy = wait fi;
end:
    do
    :: d_step { parent == ready -> token++; parent = claimed }
    EACH(SPAWN)
    :: d_step { parent == claimed && !ack_sent[token] -> ack_sent[token] = true }
    od
}

active proctype ledger() {
end:
    do
    EACH(CREATE)
    EACH(BEAR)
    BORN(1) BORN(2)
    EACH(RUN)
    EACH(TELL)
    /* An ack is repeated until it is answered, so it need not be lost. */
    :: d_step { ack_sent[token] && parent == claimed ->
                acked = token; completions++;
                MUST(I6_COMPLETED_ONCE, completions == 1);
                parent = blocked; end_claim(); judge() }
    :: d_step { parent == claimed && exp_left > 0 -> exp_left--; parent = ready; end_claim() }
    od
}

active proctype operator() {
end:
    do
    EACH(REDRIVE)
    :: d_step { parent == failed && count_failed == 0 -> parent = blocked; judge() }
    od
}

#define ENDED_WELL(c) \
    (acked == CLAIM_OF(c) -> (!told[c] || child[c] == done) : (child[c] == none || child[c] == gone))

active proctype monitor() {
    timeout ->
    MUST(I19_EVERY_TASK_IS_DONE, parent == finished);
    MUST(R8_ALL_OR_NONE, ENDED_WELL(1) && ENDED_WELL(2) && ENDED_WELL(3) && ENDED_WELL(4))
}
