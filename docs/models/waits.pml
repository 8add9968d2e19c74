/* Ending a wait: END_WAIT of R10. Lines of a session, the relay of its manager, a link to the
   center that breaks.

   One session with WINDOW 1 and two lines, attached through one manager; its connection holds (what
   happens when it breaks is in sessions.pml). Each line is opened once, and ended when the client
   likes. The manager's relay keeps what is unanswered and sends it again on the next channel; a
   channel is FIFO and loses what is in it when it breaks. Payloads are handed over in any order and
   at any time; one may be impossible to fetch, and its grant is then given back. Tasks become ready
   at any time, by commands of others, also in the very entry that ends the line.

   What the client relies on: after WAIT_ENDED of a line no delivery of that line comes. It leaves
   when both lines have ended and all that it holds is answered; a claim that is left then blocks
   its task for a whole lease. */
#include "must.pml"
hidden byte I19_EVERY_TASK_IS_DONE, R10_NOTHING_AFTER_THE_END, R10_NO_CLAIM_LEFT_BEHIND;
hidden byte R10_ENDED_LINES_IGNORE_CREDIT, R10_END_IS_ANSWERED;

#define TASKS 2
#define LINES 2
#define GRANTS 7                /* numbers, from 1 */
#define BIT(x) (1 << (x))

#ifndef B_LINK
#define B_LINK 1                /* broken channels between manager and center */
#endif
#ifndef B_EXP
#define B_EXP 1                 /* leases that end although the client lives */
#endif
#ifndef B_FETCH
#define B_FETCH 1               /* payloads that cannot be fetched */
#endif

#define NOT_YET 0               /* tasks */
#define READY 1
#define CLAIMED 2
#define DONE 3

mtype = { DEMAND, END, ASK,             /* manager to center */
          END_ANSWER, GRANT, STATE };   /* center to manager */
chan up = [5] of { mtype, byte, byte };
chan down = [8] of { mtype, byte, byte };

/* The ledger. */
byte state[TASKS], number[TASKS], line_of[GRANTS + 1];
byte credit, grants, last_line;
byte asked;                     /* a question that waits for its answer: its last number + 1 */
bool open[LINES + 1], was_ended[LINES + 1];
/* The relay. */
bool link = true, resyncing;
byte last_number, held_back, delivering, giving_back;   /* the last three: masks of numbers */
bool r_open[LINES + 1], dirty[LINES + 1], known[LINES + 1];
bool ending[LINES + 1], forwarded[LINES + 1], answered[LINES + 1];
byte r_total[LINES + 1], undelivered[LINES + 1];
/* The client. */
byte total = 1, working;
bool opened[LINES + 1], asked_end[LINES + 1], ended[LINES + 1], left;
byte link_left = B_LINK, exp_left = B_EXP, fetch_left = B_FETCH;
bool quiet;
byte t, n, l, fresh;            /* loops; zero between steps. fresh: numbers that this entry gave */

/* ---- the ledger ---- */

/* The open lines take turns while there is credit. */
inline match() {
    t = 0;
    do
    :: t < TASKS ->
        if
        :: state[t] == READY && grants < credit && (open[1] || open[2]) ->
            assert(grants < GRANTS);
            state[t] = CLAIMED; grants++; number[t] = grants;
            if
            :: open[1] && (!open[2] || line_of[grants - 1] != 1) -> line_of[grants] = 1
            :: else -> line_of[grants] = 2
            fi;
            MUST(R10_ENDED_LINES_IGNORE_CREDIT, !was_ended[line_of[grants]]);
            fresh = fresh | BIT(grants)
        :: else
        fi;
        t++
    :: else -> break
    od;
    t = 0
}

inline send_grants() {                  /* in order; nobody gets them while the link is down */
    n = 1;
    do
    :: n <= GRANTS ->
        if :: (fresh & BIT(n)) && link -> down!GRANT(n, 0) :: else fi;
        n++
    :: else -> break
    od;
    n = 0; fresh = 0
}

inline apply_demand(line, sum) {
    if
    :: !open[line] && line > last_line -> open[line] = true; last_line = line
    :: else
    fi;
    if :: open[line] && sum > credit -> credit = sum :: else fi;
    match()
}

inline apply_end(line) {
    open[line] = false; was_ended[line] = true;
    if :: last_line < line -> last_line = line :: else fi
}

inline answer_end(line) { if :: link -> down!END_ANSWER(line, 0) :: else fi }

/* An entry: perhaps a command of others that frees a task, then the end of the line. The answer to
   what ends a wait leaves after the grants of its entry. */
inline entry_with_end(line, task) {
    if :: task < TASKS -> state[task] = READY; match() :: else fi;
    apply_end(line);
#ifdef M_ANSWER_BEFORE_GRANTS
    answer_end(line); send_grants()
#else
    send_grants(); answer_end(line)
#endif
}

inline tell_state(last) {               /* claims above the last number that was seen */
    t = 0;
    do
    :: t < TASKS ->
        if
        :: state[t] == CLAIMED && number[t] > last -> fresh = fresh | BIT(number[t])
        :: else
        fi;
        t++
    :: else -> break
    od;
    if :: link -> down!STATE(grants, fresh) :: else fi;
    t = 0; fresh = 0
}

inline free_claim(task) { state[task] = READY; number[task] = 0; match(); send_grants() }

active proctype ledger() {
    byte a, b;
end:
    do
    :: d_step { up?DEMAND(a, b) -> apply_demand(a, b); send_grants(); a = 0; b = 0 }
    :: d_step { up?END(a, b) -> entry_with_end(a, TASKS); a = 0; b = 0 }
    :: d_step { state[0] == NOT_YET && up?[END, _, _] -> up?END(a, b); entry_with_end(a, 0); a = 0; b = 0 }
    :: d_step { state[1] == NOT_YET && up?[END, _, _] -> up?END(a, b); entry_with_end(a, 1); a = 0; b = 0 }
    :: d_step { up?ASK(a, b) -> asked = a + 1; a = 0; b = 0 }
    :: d_step { asked -> tell_state(asked - 1); asked = 0 }
    :: d_step { state[0] == NOT_YET -> state[0] = READY; match(); send_grants() }
    :: d_step { state[1] == NOT_YET -> state[1] = READY; match(); send_grants() }
    :: d_step { state[0] == CLAIMED && (giving_back & BIT(number[0])) ->
           giving_back = giving_back & ~BIT(number[0]); free_claim(0) }
    :: d_step { state[1] == CLAIMED && (giving_back & BIT(number[1])) ->
           giving_back = giving_back & ~BIT(number[1]); free_claim(1) }
    :: d_step { !quiet && exp_left > 0 && state[0] == CLAIMED -> exp_left--; free_claim(0) }
    od
}

/* ---- the relay; messages of the client reach it at once ---- */

inline demand(line) {
    if
    :: !r_open[line] -> r_open[line] = true; r_total[line] = total; dirty[line] = true
    :: r_open[line] && total > r_total[line] -> r_total[line] = total; dirty[line] = true
    :: else
    fi
}
inline restate() {
    if
    :: r_open[1] -> demand(1)
    :: !r_open[1] && r_open[2] -> demand(2)
    :: else
    fi
}

/* "No grant of the line follows": the ledger said so, and the last one was handed over. */
inline settle(line) {
    if
    :: ending[line] &&
#ifndef M_END_TOLD_UNANSWERED
        answered[line] &&
#endif
#ifndef M_END_TOLD_UNDELIVERED
        undelivered[line] == 0 &&
#endif
#ifdef M_SETTLED_BEFORE_RESYNC
        true ->
#else
        !resyncing ->
#endif
        ending[line] = false; ended[line] = true;
        t = 0;
        do
        :: t < TASKS ->
            MUST(R10_NO_CLAIM_LEFT_BEHIND, state[t] != CLAIMED || line_of[number[t]] != line ||
                                           ((working | giving_back) & BIT(number[t])));
            t++
        :: else -> break
        od;
        t = 0
    :: else
    fi
}

inline died(count) {                    /* announced: the client counts a slot for each */
#ifndef M_DEATHS_NOT_TOLD
    total = total + count;
    if :: count > 0 -> restate() :: else fi
#else
    skip
#endif
}

inline receive(k) {
    if
    :: k > last_number ->
        died(k - last_number - 1);
        last_number = k;
        undelivered[line_of[k]]++;
        delivering = delivering | BIT(k)
    :: else
    fi
}

inline receive_all(mask) {
    n = 1;
    do
    :: n <= GRANTS -> if :: mask & BIT(n) -> receive(n) :: else fi; n++
    :: else -> break
    od;
    n = 0
}

inline take_state(count, alive) {
    resyncing = false;
    receive_all(alive);
    if :: last_number < count -> died(count - last_number); last_number = count :: else fi;
    receive_all(held_back); held_back = 0;
    settle(1); settle(2)
}

inline send_demands() {
    l = 1;
    do
    :: l <= LINES ->
        if
        :: r_open[l] && dirty[l] -> up!DEMAND(l, r_total[l]); dirty[l] = false; known[l] = true
        :: else
        fi;
        l++
    :: else -> break
    od;
    l = 0
}
inline send_ends() {
    l = 1;
    do
    :: l <= LINES ->
        if :: ending[l] && !forwarded[l] -> up!END(l, 0); forwarded[l] = true :: else fi;
        l++
    :: else -> break
    od;
    l = 0
}
#define UNSENT(line) ((r_open[line] && dirty[line]) || (ending[line] && !forwarded[line]))

inline channel_up() {
    link = true; resyncing = true;
    dirty[1] = true; dirty[2] = true;
#ifndef M_END_NOT_REPEATED
    forwarded[1] = answered[1]; forwarded[2] = answered[2];
#endif
    up!ASK(last_number, 0)
}

inline hand_over(k) {
    delivering = delivering & ~BIT(k);
    undelivered[line_of[k]]--;
    MUST(R10_NOTHING_AFTER_THE_END, !ended[line_of[k]]);
    working = working | BIT(k);
    settle(line_of[k])
}

inline cannot_hand_over(k) {
    delivering = delivering & ~BIT(k);
    undelivered[line_of[k]]--;
    giving_back = giving_back | BIT(k);
    died(1);
    settle(line_of[k])
}

active proctype relay() {
    byte a, b, k;
end:
    do
    :: d_step { link && (UNSENT(1) || UNSENT(2)) && len(up) <= 1 ->
#ifdef M_ENDS_GO_FIRST
           send_ends(); send_demands()
#else
           send_demands(); send_ends()
#endif
       }
    :: d_step { down?END_ANSWER(a, b) -> answered[a] = true; settle(a); a = 0; b = 0 }
    :: d_step { down?GRANT(a, b) ->
           if :: resyncing -> held_back = held_back | BIT(a) :: else -> receive(a) fi;
           a = 0; b = 0 }
    :: d_step { down?STATE(a, b) -> take_state(a, b); a = 0; b = 0 }
    :: d_step { !link -> channel_up() }
    :: atomic { delivering ->
           if
           :: delivering & BIT(1) -> k = 1 :: delivering & BIT(2) -> k = 2
           :: delivering & BIT(3) -> k = 3 :: delivering & BIT(4) -> k = 4
           :: delivering & BIT(5) -> k = 5 :: delivering & BIT(6) -> k = 6
           :: delivering & BIT(7) -> k = 7
           fi;
           if
           :: hand_over(k)
           :: !quiet && fetch_left > 0 -> fetch_left--; cannot_hand_over(k)
           fi;
           k = 0 }
    od
}

/* ---- the client ---- */

/* Totals are the session's: what only this line's demand tells, now or on the next channel, goes
   with the other's. */
#ifdef M_TOTAL_KEPT_ONLY_IF_UNSENT
#define KEPT_IF && dirty[line]
#else
#define KEPT_IF
#endif
inline end_wait(line) {
    asked_end[line] = true; r_open[line] = false;
#ifndef M_TOTAL_DIES_WITH_ITS_LINE
    if
    :: r_open[3 - line] && r_total[3 - line] < r_total[line] KEPT_IF ->
        r_total[3 - line] = r_total[line]; dirty[3 - line] = dirty[3 - line] || dirty[line]
    :: else
    fi;
#endif
    dirty[line] = false;
    if
    :: !known[line] -> ended[line] = true       /* the ledger never heard of it */
    :: else -> ending[line] = true; forwarded[line] = false; answered[line] = false
    fi
}

inline finish() {
    n = 1;
    do :: !(working & BIT(n)) -> n++ :: else -> break od;
    working = working & ~BIT(n);
    t = 0;
    do
    :: t < TASKS ->
        if :: state[t] == CLAIMED && number[t] == n -> state[t] = DONE; number[t] = 0 :: else fi;
        t++
    :: else -> break
    od;
    t = 0; n = 0;
    total++; restate()
}

active proctype client() {
end:
    do
    :: d_step { !opened[1] && link -> opened[1] = true; demand(1) }
    :: d_step { opened[1] && !opened[2] && link -> opened[2] = true; demand(2) }
    :: d_step { working -> finish() }
    :: d_step { opened[2] && !asked_end[1] && !quiet -> end_wait(1) }
    :: d_step { opened[2] && !asked_end[2] && !quiet -> end_wait(2) }
    :: d_step { ended[1] && ended[2] && !working && !left -> left = true }
    od
}

active proctype adversary() {
    byte a, b;
end:
    do
    :: quiet -> break
    :: d_step { !quiet -> quiet = true }
    :: atomic { !quiet && link && link_left > 0 ->      /* what is on its way is lost */
           link_left--; link = false; resyncing = true; asked = 0;
           do :: up?_, a, b :: empty(up) -> break od;
           do :: down?_, a, b :: empty(down) -> break od;
           a = 0; b = 0;
           if :: credit = grants :: true fi }           /* declared offline meanwhile, or not */
    od
}

active proctype monitor() {
    timeout ->
    MUST(R10_END_IS_ANSWERED, (!asked_end[1] || ended[1]) && (!asked_end[2] || ended[2]));
    MUST(R10_NO_CLAIM_LEFT_BEHIND, state[0] != CLAIMED && state[1] != CLAIMED);
    MUST(I19_EVERY_TASK_IS_DONE, left || (state[0] == DONE && state[1] == DONE))
}
