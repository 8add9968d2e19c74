/* Operations once, and the end of a session: answered_through and outcomes of R11, removal of R9.

   One session of a client with a window of two. An operation (an ack or a release) is repeated
   under its number until it is answered; each message also says through which number the client has
   all answers. Messages are monotone sets: each may arrive at any time, in any order, any number of
   times, so also an old one with an old answered_through. The ledger keeps OUTCOMES_MAX outcomes.

   The client says nothing while it only waits (the library does, the protocol does not ask for it).
   Its manager may be declared offline: the credit is void, nothing arrives, and when it is back it
   compares: a session that was removed meanwhile attaches anew. Attach and credit are one step here
   (sessions.pml has them in detail), and so no attach is late: that one arrives ten minutes of
   lease time after its channel died is excluded, as frames of a dead life are refused. */
#include "must.pml"
hidden byte I5_CURRENT_TOKEN, I6_COMPLETED_ONCE, I11_SAME_ANSWER, R11_TOLD_THE_TRUTH;
hidden byte R9_REFUSED_ONLY_AFTER_EXPIRY, R9_CLAIM_KEEPS_ITS_SESSION, I19_EVERY_TASK_IS_DONE;
hidden byte I19_EVERY_OPERATION_IS_ANSWERED;

#define TASKS 2
#define WINDOW 2
#define OPS 6                   /* numbers 1 to 5 */
#define OUTCOMES_MAX 2
#define BIT(x) (1 << (x))

#ifndef B_EXP
#define B_EXP 1                 /* leases that end although the client lives */
#endif
#ifndef B_TIME
#define B_TIME 3                /* long silences: two in a row are ten minutes */
#endif
#ifndef B_OFF
#define B_OFF 1                 /* managers declared offline */
#endif
#ifndef B_RELEASE
#define B_RELEASE 1             /* claims that the client gives back */
#endif

#define READY 0
#define CLAIMED 1
#define DONE 2
#define OK 1
#define SUPERSEDED 2

/* The ledger. The outcome of an operation stays until answered_through passes it. */
byte state[TASKS], token[TASKS], newest_token, finished_by[TASKS];
bool appeared;                          /* task 1 is there; task 0 always is */
bool exists, open;        /* the session; its line has credit at a manager that is up */
byte through, outcome[OPS], silent;
/* Messages: of each operation the answered_through values that it was sent with; the answers. */
byte sent[OPS], answer[OPS];            /* masks: of values, of verdicts */
byte op_token[OPS], op_release;         /* op_release: mask of numbers */
/* The client. flying: tokens on their way to it. */
byte flying, working, unanswered, my_through, next_op = 1;
bool reachable;
/* Ghosts. */
byte expired, accepted;                 /* masks of tokens */
bool was_removed;
byte exp_left = B_EXP, time_left = B_TIME, off_left = B_OFF, release_left = B_RELEASE;
bool quiet;
byte t, n, q;                           /* loops; zero between steps */

/* ---- the ledger ---- */

inline count(mask) {
    n = 0; q = 0;
    do :: q < 8 -> if :: (mask) & BIT(q) -> n++ :: else fi; q++ :: else -> break od;
    q = 0
}
#define ONE(k) ((unanswered >> (k)) & 1)
#define UNANSWERED_COUNT (ONE(1) + ONE(2) + ONE(3) + ONE(4) + ONE(5))
#define HAS_CLAIM (state[0] == CLAIMED || state[1] == CLAIMED)

inline match() {
    t = 0;
    do
    :: t < TASKS ->
        count(flying | working);
        if
        :: state[t] == READY && (t == 0 || appeared) && exists && open &&
           n + UNANSWERED_COUNT < WINDOW ->
            newest_token++; assert(newest_token < 8);
            state[t] = CLAIMED; token[t] = newest_token; flying = flying | BIT(newest_token)
        :: else
        fi;
        n = 0; t++
    :: else -> break
    od;
    t = 0
}
inline execute(k) {                     /* leaves the verdict in n */
    n = SUPERSEDED; t = 0;
    do
    :: t < TASKS ->
        if
        :: state[t] == CLAIMED && token[t] == op_token[k] ->
            n = OK;
            if
            :: op_release & BIT(k) -> state[t] = READY; token[t] = 0
            :: else ->
                MUST(I6_COMPLETED_ONCE, !finished_by[t]);
                state[t] = DONE; finished_by[t] = op_token[k]
            fi;
            accepted = accepted | BIT(op_token[k])
#ifndef M_COMPLETION_FORGOTTEN
        :: state[t] == DONE && finished_by[t] == op_token[k] && !(op_release & BIT(k)) -> n = OK
#endif
        :: else
        fi;
        t++
    :: else -> break
    od;
    t = 0
}

#define KEPT(k) (outcome[k] && (k) > through)
#define KEPT_COUNT (KEPT(1) + KEPT(2) + KEPT(3) + KEPT(4) + KEPT(5))

inline tell(k, verdict) {
    /* A release that is repeated after its session was removed is refused as old (I11). */
    MUST(I11_SAME_ANSWER, (answer[k] | BIT(verdict)) == BIT(verdict) ||
                          ((op_release & BIT(k)) && was_removed));
    answer[k] = answer[k] | BIT(verdict)
}

inline arrive(k, value) {
    silent = 0;
    if :: value > through -> through = value :: else fi;
    if
    :: k <= through                     /* it has the answer: none is given again */
    :: k > through && outcome[k] ->
        tell(k, outcome[k])
#ifdef M_FORGOTTEN_WHEN_TOLD
        ; outcome[k] = 0
#endif
    :: k > through && !outcome[k] && KEPT_COUNT >= OUTCOMES_MAX ->  /* retry_later */
#ifdef M_FULL_REFUSES_FOR_GOOD
        outcome[k] = SUPERSEDED; tell(k, SUPERSEDED);
        MUST(R9_REFUSED_ONLY_AFTER_EXPIRY, expired & BIT(op_token[k]))
#endif
#ifdef M_FULL_FORGETS_THE_OLDEST
        q = through + 1;
        do :: !outcome[q] -> q++ :: else -> break od;
        outcome[q] = 0; q = 0
#endif
    :: else ->
        execute(k);
        outcome[k] = n; tell(k, n);
        MUST(R9_REFUSED_ONLY_AFTER_EXPIRY, n == OK || ((expired | accepted) & BIT(op_token[k])));
        n = 0;
        match()
    fi
}

inline end_claim(task, by_lease) {
    if :: by_lease -> expired = expired | BIT(token[task]) :: else fi;
    state[task] = READY; token[task] = 0;
    match()
}

#define IN_USE (HAS_CLAIM || (open && UNANSWERED_COUNT < WINDOW))
#ifdef M_REMOVED_WITH_CLAIM
#define MAY_REMOVE (!(open && UNANSWERED_COUNT < WINDOW) || HAS_CLAIM)
#else
#ifdef M_REMOVED_WHILE_WAITING
#define MAY_REMOVE (!HAS_CLAIM)
#else
#define MAY_REMOVE (!IN_USE)
#endif
#endif

inline remove_session() {
    MUST(R9_CLAIM_KEEPS_ITS_SESSION, !HAS_CLAIM);
    exists = false; open = false; through = 0; was_removed = true;
    outcome[1] = 0; outcome[2] = 0; outcome[3] = 0; outcome[4] = 0; outcome[5] = 0
}

/* ---- the client ---- */

inline attach() {                       /* held: what it works on, and what has no answer */
    exists = true; open = true; silent = 0; flying = 0;
    t = 0;
    do
    :: t < TASKS ->
        n = 0; q = 1;
        do
        :: q < OPS ->
            if :: (unanswered & BIT(q)) && op_token[q] == token[t] -> n = 1 :: else fi; q++
        :: else -> break
        od;
        q = 0;
        if
        :: state[t] == CLAIMED && !(working & BIT(token[t])) && n == 0 ->
            state[t] = READY; token[t] = 0
        :: else
        fi;
        n = 0; t++
    :: else -> break
    od;
    t = 0;
#ifdef M_NUMBERS_BEGIN_AGAIN
    if
    :: next_op > 1 && unanswered == 0 ->
        next_op = 1; my_through = 0; sent[1] = 0; answer[1] = 0; sent[2] = 0; answer[2] = 0
    :: else
    fi;
#endif
    match()
}

inline receive() {
    n = 1;
    do :: !(flying & BIT(n)) -> n++ :: else -> break od;
    flying = flying & ~BIT(n); working = working | BIT(n); n = 0
}

inline finish(release) {
    n = 1;
    do :: !(working & BIT(n)) -> n++ :: else -> break od;
    working = working & ~BIT(n);
    assert(next_op < OPS);
    op_token[next_op] = n; n = 0;
    if :: release -> op_release = op_release | BIT(next_op) :: else fi;
    unanswered = unanswered | BIT(next_op);
    next_op++
}

inline take_answer(k) {
    MUST(R11_TOLD_THE_TRUTH, !(answer[k] & BIT(OK)) || (accepted & BIT(op_token[k])));
    unanswered = unanswered & ~BIT(k);
#ifdef M_HIGHEST_ANSWERED
    if :: k > my_through -> my_through = k :: else fi;
#else
    do
    :: my_through + 1 < next_op && !(unanswered & BIT(my_through + 1)) -> my_through++
    :: else -> break
    od;
#endif
    match();
    if :: !exists -> attach() :: else fi        /* its demand finds no session */
}

#define HEARD (reachable && exists)
#define SEND(k) \
    :: d_step { reachable && (unanswered & BIT(k)) && !(sent[k] & BIT(my_through)) -> \
                sent[k] = sent[k] | BIT(my_through) }
#define TAKE(k) \
    :: d_step { reachable && (unanswered & BIT(k)) && answer[k] -> take_answer(k) }

active proctype client() {
end:
    do
    :: d_step { reachable && flying -> receive() }
    :: d_step { working -> finish(0) }
    :: d_step { working && release_left > 0 && !quiet -> release_left--; finish(1) }
    :: d_step { HEARD && silent > 0 && (working || unanswered) -> silent = 0 }     /* heartbeat */
    :: d_step { reachable && !exists && (working || unanswered) -> attach() }      /* not found */
    SEND(1) SEND(2) SEND(3) SEND(4) SEND(5)
    TAKE(1) TAKE(2) TAKE(3) TAKE(4) TAKE(5)
    od
}

/* An operation that arrives without a session says so, and the client attaches. */
#define ARRIVE(k, value) \
    :: d_step { HEARD && (sent[k] & BIT(value)) && NEW(k, value) -> arrive(k, value) }
#define NEW(k, value) (value > through || (k > through && (!(answer[k] & BIT(outcome[k])) || \
                       (!outcome[k] && KEPT_COUNT < OUTCOMES_MAX))) FULL(k))
#if defined(M_FORGOTTEN_WHEN_TOLD) || defined(M_FULL_REFUSES_FOR_GOOD) || defined(M_FULL_FORGETS_THE_OLDEST)
#define FULL(k) || (k > through && !quiet)
#else
#define FULL(k)
#endif
#define ARRIVALS(k) ARRIVE(k, 0) ARRIVE(k, 1) ARRIVE(k, 2) ARRIVE(k, 3) ARRIVE(k, 4)

active proctype ledger() {
end:
    do
    ARRIVALS(1) ARRIVALS(2) ARRIVALS(3) ARRIVALS(4) ARRIVALS(5)
    :: d_step { exists && silent == 2 && MAY_REMOVE -> remove_session() }
    od
}

active proctype adversary() {
end:
    do
    :: quiet -> break
    :: d_step { !quiet -> quiet = true }
    :: d_step { !quiet && time_left > 0 && silent < 2 -> time_left--; silent++ }
    :: d_step { !quiet && exp_left > 0 && state[0] == CLAIMED -> exp_left--; end_claim(0, 1) }
    :: d_step { !quiet && exp_left > 0 && state[1] == CLAIMED -> exp_left--; end_claim(1, 1) }
    :: d_step { !quiet && off_left > 0 && reachable -> off_left--; reachable = false; open = false;
                flying = 0 }
    :: d_step { !reachable -> reachable = true; attach() }      /* compared, or attached anew */
    od
}

active proctype again() {               /* what happens also when all is quiet */
end:
    do
    :: d_step { !appeared -> appeared = true; match() }
    :: d_step { quiet && !reachable -> reachable = true; attach() }
    od
}

active proctype monitor() {
    timeout ->
    MUST(I19_EVERY_OPERATION_IS_ANSWERED, unanswered == 0);
    MUST(I19_EVERY_TASK_IS_DONE, state[0] == DONE && state[1] == DONE)
}
