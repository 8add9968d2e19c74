/* Sessions, credit, grants and acks: R9, R10, R11, attempts of R14.

   One ledger: an entry is one atomic step and durable. SESSIONS clients with window WINDOW, each
   connected through one of two managers. A manager and its client's library are one here: within
   a connection nothing is lost between them, and what the manager's relay announces as died the
   client counts at once. A manager holds only volatile things, so its crash means that its
   connections break and what it had in flight is lost.

   Messages to the ledger are monotone sets: once sent, a message arrives at any later time, in any
   order, again (B_DUP times), or never. A lease may end at any moment (B_EXP times).

   Liveness: steps make progress, so "every task is eventually done" = it is done in every end state
   (the monitor's `timeout`). The adversary may retire at any moment. */
#include "must.pml"
hidden byte I3_TOKENS_GROW, I4_ONE_CLAIM, I5_CURRENT_TOKEN, I6_COMPLETED_ONCE, I7_ONE_STATE;
hidden byte I11_SAME_ANSWER, I19_EVERY_TASK_IS_DONE, R9_REFUSED_ONLY_AFTER_EXPIRY;
hidden byte R10_CREDIT_KEPT, R10_WINDOW_KEPT, R13_GRANT_FOR_ONE_WHO_HEARS, R14_ATTEMPTS;

#define SESSIONS 2
#define TASKS 2
#define WINDOW 1
#define EPOCHS 3                /* connections of a session */
#define OPS 6                   /* operations of a session */
#define AT(s, e) ((s) * (EPOCHS + 1) + (e))
#define OP(s, q) ((s) * OPS + (q))
#define BIT(x) (1 << (x))
#define SENT 1                  /* bit 0 of a `held`: the attach was sent; tokens begin at 1 */

#ifndef B_EXP
#define B_EXP 1                 /* leases that end although the client lives */
#endif
#ifndef B_BRK
#define B_BRK 1                 /* connections of clients that break */
#endif
#ifndef B_CRASH
#define B_CRASH 1               /* managers that crash */
#endif
#ifndef B_LINK
#define B_LINK 1                /* links between a manager and the center that break */
#endif
#ifndef B_DUP
#define B_DUP 1                 /* repetitions of messages that were applied */
#endif

#define READY 0
#define CLAIMED 1
#define DONE 2
#define OK 1
#define SUPERSEDED 2

/* The ledger. number: of the grant since attach, 0 for a claim kept through `held`. */
byte state[TASKS], token[TASKS], owner[TASKS], number[TASKS], newest_token;
byte epoch[SESSIONS], credit[SESSIONS], grants[SESSIONS], outcome[SESSIONS * OPS];
byte served_last;               /* sessions take turns (R12) */
bool offline[SESSIONS];         /* the session's manager was declared offline */
/* Ghosts: what the promises are about. */
byte completions[TASKS], highest[TASKS], attempts[TASKS];
short expired;                  /* tokens whose lease ended */
/* Sent to the ledger: attach with its held tokens, totals of credit, acks with their token. */
short held[SESSIONS * (EPOCHS + 1)];
byte stated[SESSIONS * (EPOCHS + 1)], ack[SESSIONS * OPS];
/* The newest grant on its way to each client. */
byte flying_token[SESSIONS], flying_number[SESSIONS], flying_epoch[SESSIONS];
/* Clients. */
byte my_epoch[SESSIONS], my_manager[SESSIONS], seen[SESSIONS];
byte working[SESSIONS];         /* tokens it works on */
byte next_op[SESSIONS], unanswered[SESSIONS], first_op[SESSIONS];   /* first of this connection */
short total[SESSIONS];
bool connected[SESSIONS], resync[SESSIONS], dead[SESSIONS];
/* The adversary. */
byte exp_left = B_EXP, brk_left = B_BRK, crash_left = B_CRASH, link_left = B_LINK;
byte dup_left = B_DUP, die_left = 1;
bool quiet;
byte t, u, n, q;                /* loops; zero between steps */

/* ---- the ledger ---- */

#define HEARS(s) (!offline[s])
#define WANTS(s) (grants[s] < credit[s])

inline give(s) {
    newest_token++;
    MUST(I3_TOKENS_GROW, newest_token > highest[t]);
    MUST(I4_ONE_CLAIM, token[t] == 0);          /* the token of the claim before is not current */
    MUST(I7_ONE_STATE, state[t] == READY && completions[t] == 0);
    MUST(R13_GRANT_FOR_ONE_WHO_HEARS, HEARS(s));
    highest[t] = newest_token; token[t] = newest_token;
    state[t] = CLAIMED; owner[t] = s; attempts[t]++;
    grants[s]++; number[t] = grants[s]; served_last = s;
    MUST(R10_CREDIT_KEPT, grants[s] <= credit[s]);
    flying_token[s] = newest_token; flying_number[s] = grants[s]; flying_epoch[s] = epoch[s];
    n = 0; u = 0;
    do
    :: u < TASKS -> if :: state[u] == CLAIMED && owner[u] == s -> n++ :: else fi; u++
    :: else -> break
    od;
    MUST(R10_WINDOW_KEPT, n <= WINDOW);
    n = 0; u = 0
}

/* Runs at the end of every entry that may have made a grant possible. */
inline match() {
    t = 0;
    do
    :: t < TASKS ->
        if
        :: state[t] == READY ->
            if
            :: WANTS(0) && (!WANTS(1) || served_last != 0) -> give(0)
            :: WANTS(1) && (!WANTS(0) || served_last == 0) -> give(1)
            :: else
            fi
        :: else
        fi;
        t++
    :: else -> break
    od;
    t = 0
}

inline apply_attach(s, e) {
    epoch[s] = e; offline[s] = false;
#ifndef M_CREDIT_SURVIVES_ATTACH
    credit[s] = 0; grants[s] = 0;
#endif
    t = 0;
    do
    :: t < TASKS ->
        if
        :: state[t] == CLAIMED && owner[t] == s ->
            if
            :: held[AT(s, e)] & BIT(token[t]) -> number[t] = 0
            :: else ->                                              /* undelivered */
                state[t] = READY; token[t] = 0;
                MUST(R14_ATTEMPTS, attempts[t] > 0);
                attempts[t]--
            fi
        :: else
        fi;
        t++
    :: else -> break
    od;
    match()
}

inline apply_ack(s, k) {                        /* leaves the verdict in n */
    n = SUPERSEDED; t = 0;
    do
    :: t < TASKS ->
        if
#ifdef M_NO_FENCE
        :: state[t] == CLAIMED && highest[t] >= ack[OP(s, k)] &&
           ack[OP(s, k)] % TASKS == highest[t] % TASKS ->
#else
        :: state[t] == CLAIMED && token[t] == ack[OP(s, k)] && owner[t] == s ->
#endif
            MUST(I5_CURRENT_TOKEN, token[t] == ack[OP(s, k)] && owner[t] == s);
            state[t] = DONE; completions[t]++; n = OK;
            MUST(I6_COMPLETED_ONCE, completions[t] == 1);
            if :: HEARS(s) -> credit[s]++ :: else fi                /* wants_next, once per ack */
        :: else
        fi;
        t++
    :: else -> break
    od;
    t = 0
}

inline arrive_ack(s, k) {
    apply_ack(s, k);
    outcome[OP(s, k)] = n;
    MUST(R9_REFUSED_ONLY_AFTER_EXPIRY, n == OK || (expired & BIT(ack[OP(s, k)])));
    n = 0; match()
}

inline repeat_ack(s, k) {                       /* the same number again, over any manager */
    dup_left--;
#ifdef M_REPEAT_RAISES_CREDIT
    credit[s]++;
#endif
#ifdef M_NO_OUTCOMES
    apply_ack(s, k);
    MUST(I11_SAME_ANSWER, n == outcome[OP(s, k)]);
    n = 0;
#endif
    match()
}

inline arrive_credit(s, e) { credit[s] = stated[AT(s, e)]; match() }

inline end_lease(task) {
    t = task; expired = expired | BIT(token[t]);
    state[t] = READY;
#ifndef M_EXPIRED_TOKEN_STAYS
    token[t] = 0;
#endif
    match()
}

/* The center has not heard the session's manager for a while. */
inline declare_offline(s) { offline[s] = true; credit[s] = grants[s] }

/* ---- clients ---- */

inline state_total(s) {
    if
    :: total[s] > stated[AT(s, my_epoch[s])] -> stated[AT(s, my_epoch[s])] = total[s]
    :: else
    fi
}

inline connect(s) {                             /* `held`: all without an answer, not only running */
    my_epoch[s]++; connected[s] = true; resync[s] = false;
    held[AT(s, my_epoch[s])] = SENT | working[s];
    n = 0; u = 1; q = 0;
    do :: u < 12 -> if :: working[s] & BIT(u) -> n++ :: else fi; u++ :: else -> break od;
    do
    :: q < OPS ->
        if
        :: unanswered[s] & BIT(q) ->
            n++;
#ifndef M_HELD_IS_RUNNING
            held[AT(s, my_epoch[s])] = held[AT(s, my_epoch[s])] | BIT(ack[OP(s, q)])
#endif
        :: else
        fi;
        q++
    :: else -> break
    od;
    total[s] = WINDOW - n; seen[s] = 0; first_op[s] = next_op[s];
    state_total(s);
    n = 0; u = 0; q = 0
}

/* Numbers that were jumped over are grants that died: each frees a slot. */
inline take_grant(s) {
#ifndef M_DEATHS_NOT_TOLD
    if
    :: flying_number[s] > seen[s] + 1 ->
        total[s] = total[s] + flying_number[s] - seen[s] - 1;
        state_total(s)
    :: else
    fi;
#endif
    seen[s] = flying_number[s];
    MUST(R10_WINDOW_KEPT, working[s] == 0);                         /* WINDOW is 1 */
    working[s] = working[s] | BIT(flying_token[s]);
    flying_token[s] = 0; flying_number[s] = 0; flying_epoch[s] = 0
}

inline finish(s) {
    n = 1;
    do :: !(working[s] & BIT(n)) -> n++ :: else -> break od;
    working[s] = working[s] & ~BIT(n);
    ack[OP(s, next_op[s])] = n;
    unanswered[s] = unanswered[s] | BIT(next_op[s]);
    next_op[s]++; assert(next_op[s] < OPS);
    n = 0
}

/* The ledger has raised the credit itself for an ack that it accepted when it was sent first; the
   total is then stated only with the next statement or heartbeat. */
inline take_answer(s, k) {
    unanswered[s] = unanswered[s] & ~BIT(k);
    total[s]++;
    if :: outcome[OP(s, k)] == OK && k >= first_op[s] :: else -> state_total(s) fi
}
#define ANSWER(k) \
    :: d_step { !dead[i] && connected[i] && (unanswered[i] & BIT(k)) && outcome[OP(i, k)] -> \
                take_answer(i, k) }

/* The manager is registered again: it compares what it handed out with what was granted. */
inline compare_grants(s) {
    resync[s] = false; offline[s] = false; n = 0;
    do
    :: n < TASKS ->
        if
        :: state[n] == CLAIMED && owner[n] == s && number[n] > seen[s] ->
            flying_token[s] = token[n]; flying_number[s] = number[n]; flying_epoch[s] = epoch[s]
        :: else
        fi;
        n++
    :: else -> break
    od;
    n = 0;
#ifndef M_DEATHS_NOT_TOLD
    if
    :: grants[s] > seen[s] && !flying_token[s] ->
        total[s] = total[s] + grants[s] - seen[s]; seen[s] = grants[s];
        state_total(s)
    :: else
    fi
#endif
}

active [SESSIONS] proctype client() {
    byte i = _pid;
end:
    do
    :: atomic { !dead[i] && !connected[i] ->
           connect(i);
           if
           :: my_manager[i] = 0
           :: brk_left + crash_left < B_BRK + B_CRASH -> my_manager[i] = 1
           fi }
    :: d_step { !dead[i] && connected[i] && flying_token[i] && flying_epoch[i] == my_epoch[i] &&
                flying_number[i] > seen[i] -> take_grant(i) }
#ifdef M_OLD_DELIVERY_TAKEN
    :: d_step { !dead[i] && connected[i] && flying_token[i] && flying_epoch[i] < my_epoch[i] ->
                seen[i] = flying_number[i] - 1; take_grant(i) }
#endif
    :: d_step { !dead[i] && working[i] -> finish(i) }
    ANSWER(0) ANSWER(1) ANSWER(2) ANSWER(3) ANSWER(4)
#ifndef M_NO_RESTATEMENT
    :: d_step { !dead[i] && connected[i] && total[i] > stated[AT(i, my_epoch[i])] ->
                state_total(i) }                                    /* with a heartbeat */
#endif
    :: d_step { !dead[i] && resync[i] && connected[i] && epoch[i] == my_epoch[i] ->
                compare_grants(i) }
    od
}

/* Everything that can arrive at the ledger from session i. */
#define ATTACH(e) \
    :: atomic { (held[AT(i, e)] & SENT) && e > epoch[i] -> apply_attach(i, e) }
#define CREDIT(e) \
    :: atomic { epoch[i] == e && stated[AT(i, e)] > credit[i] && MAY_STATE(i) -> \
                arrive_credit(i, e) }
#ifdef M_OFFLINE_MANAGER_HEARD
#define MAY_STATE(s) true
#else
#define MAY_STATE(s) HEARS(s)
#endif
#define ACK(k) \
    :: atomic { ack[OP(i, k)] && !outcome[OP(i, k)] -> arrive_ack(i, k) } \
    :: atomic { dup_left > 0 && !quiet && outcome[OP(i, k)] -> repeat_ack(i, k) }

active [SESSIONS] proctype network() {
    byte i = _pid - SESSIONS;
end:
    do
    ATTACH(1) ATTACH(2) ATTACH(3)
    CREDIT(1) CREDIT(2) CREDIT(3)
    ACK(0) ACK(1) ACK(2) ACK(3) ACK(4)
#ifdef M_OLD_EPOCH_ATTACHES
    :: d_step { dup_left > 0 && epoch[i] > 1 -> dup_left--; apply_attach(i, 1) }
#endif
#ifdef M_OLD_EPOCH_CREDIT
    :: d_step { dup_left > 0 && epoch[i] > 1 && stated[AT(i, 1)] ->
                dup_left--; credit[i] = credit[i] + stated[AT(i, 1)]; match() }
#endif
#ifdef M_CREDIT_ADDED
    :: d_step { dup_left > 0 && epoch[i] > 0 && stated[AT(i, epoch[i])] ->
                dup_left--; credit[i] = credit[i] + stated[AT(i, epoch[i])]; match() }
#endif
    /* A dead client's leases end. */
    :: d_step { dead[i] && state[0] == CLAIMED && owner[0] == i -> end_lease(0) }
    :: d_step { dead[i] && state[1] == CLAIMED && owner[1] == i -> end_lease(1) }
    od
}

/* ---- what goes wrong ---- */

inline lose_flying(s) {
    if
    :: flying_epoch[s] == my_epoch[s] ->
        flying_token[s] = 0; flying_number[s] = 0; flying_epoch[s] = 0
    :: else
    fi
}
inline break_connection(s) { connected[s] = false; resync[s] = false }
inline crash_for(s, m) {
    if
    :: connected[s] && my_manager[s] == m ->
        break_connection(s); lose_flying(s);
        if :: epoch[s] == my_epoch[s] -> declare_offline(s) :: true fi
    :: else
    fi
}
#define CAN_BREAK(s) (connected[s] && my_epoch[s] < EPOCHS)

active proctype adversary() {
    byte j;
end:
    do
    :: quiet -> break
    :: atomic { !quiet -> quiet = true }
    :: atomic { !quiet && exp_left > 0 && (state[0] == CLAIMED || state[1] == CLAIMED) ->
           if :: state[0] == CLAIMED -> j = 0 :: state[1] == CLAIMED -> j = 1 fi;
           exp_left--; end_lease(j); j = 0 }
    :: atomic { !quiet && brk_left > 0 && (CAN_BREAK(0) || CAN_BREAK(1)) ->
           if :: CAN_BREAK(0) -> j = 0 :: CAN_BREAK(1) -> j = 1 fi;
           brk_left--; break_connection(j); j = 0 }
    :: atomic { !quiet && crash_left > 0 && my_epoch[0] < EPOCHS && my_epoch[1] < EPOCHS ->
           if :: j = 0 :: j = 1 fi;
           crash_left--; crash_for(0, j); crash_for(1, j); j = 0 }
    :: atomic { !quiet && link_left > 0 ->      /* grants on their way are lost, or not */
           if :: j = 0 :: j = 1 fi;
           link_left--;
           if :: lose_flying(j) :: true fi;
           if
           :: connected[j] && epoch[j] == my_epoch[j] -> declare_offline(j)
           :: true
           fi;
#ifdef M_NO_RESYNC
           offline[j] = false;
#else
           resync[j] = connected[j];
#endif
           j = 0 }
    :: atomic { !quiet && die_left > 0 -> die_left--; dead[0] = true; break_connection(0) }
    od
}

active proctype monitor() {
    timeout -> MUST(I19_EVERY_TASK_IS_DONE, state[0] == DONE && state[1] == DONE)
}
