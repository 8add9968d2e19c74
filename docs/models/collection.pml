/* Results and garbage: R16, R17, the end of what R18 keeps.

   One manager, one task whose payload it has, claimed with token 1; the lease may end, then token 2
   works on it. An ack carries a result: a record that is synced before the ack is sent on. The same
   ack may be sent again, and then has another record. An ack that was sent stays with the center,
   also when the manager has given it up (its client and its channel went), until the manager begins
   a new life, which ends what the old one sent.

   The manager keeps a record while it is in doubt (volatile): its ack has no answer. What was given
   up is settled by a question. A collection asks which records of a closed stretch are needed,
   answered at one moment; copies those, syncs, and drops the stretch. A crash comes between any
   two steps. After a while a finished task's result is forgotten. */
#include "must.pml"
hidden byte I2_PAYLOAD_IS_THERE, I13_NEEDED_RESULT_IS_THERE, I6_COMPLETED_ONCE, I19_TASK_IS_DONE;
hidden byte R16_EVERY_DOUBT_ENDS;

#define RECORDS 3
#ifndef B_CRASH
#define B_CRASH 1
#endif
#ifndef B_GIVE_UP
#define B_GIVE_UP 1             /* acks that the manager gives up */
#endif

/* The ledger. points_to: the record of the accepted ack. */
byte current = 1, points_to, completions;
bool done, forgotten;
/* Records 1 to RECORDS in order of writing; on disk in their stretch, or copied. */
byte written, attempt[RECORDS + 1];
bool in_stretch[RECORDS + 1], copied[RECORDS + 1], unsynced[RECORDS + 1];
bool payload = true, payload_copied, payload_unsynced;
/* Acks with the center; volatile doubts; acks that were given up. */
bool sent[RECORDS + 1], doubt[RECORDS + 1], given_up[RECORDS + 1];
/* The collection that is under way. */
byte step, closed, collections;
bool live[RECORDS + 1], payload_live;
byte crash_left = B_CRASH, give_up_left = B_GIVE_UP, expire_left = 1;
bool quiet;

#define ASK 1
#define COPY 2
#define SYNC 3
#define DROP 4

#define HAS(r) (in_stretch[r] || copied[r])
#define OPEN(r) (!done && current == attempt[r])        /* its token is current */
#define POINTS(r) (points_to == r && !forgotten)
#ifdef M_OPEN_IS_DEAD
#define NEEDED(r) POINTS(r)
#else
#define NEEDED(r) (POINTS(r) || OPEN(r))
#endif
#ifdef M_CLAIMED_IS_DEAD
#define NEEDS_PAYLOAD false
#else
#define NEEDS_PAYLOAD (!done)
#endif

inline check() {
    MUST(I13_NEEDED_RESULT_IS_THERE, points_to == 0 || forgotten || HAS(points_to));
    MUST(I2_PAYLOAD_IS_THERE, done || payload || payload_copied)
}

inline write_result() {
    written++;
    attempt[written] = current; in_stretch[written] = true; doubt[written] = true;
#ifdef M_ACK_BEFORE_SYNC
    unsynced[written] = true;
#endif
    sent[written] = true
}

inline apply_ack(r) {
    sent[r] = false;
    if
    :: !done && current == attempt[r] ->
        done = true; points_to = r; completions++;
        MUST(I6_COMPLETED_ONCE, completions == 1)
    :: else
    fi;
    if :: !given_up[r] -> doubt[r] = false :: else fi;  /* the answer finds the manager, or nobody */
    check()
}

inline settle(r) {              /* drop and keep end the doubt; open: asked again */
    if
    :: !NEEDED(r) || POINTS(r) -> doubt[r] = false; given_up[r] = false
    :: else
    fi
}

#define ACK(r) :: d_step { sent[r] -> apply_ack(r) }
#define SETTLE(r) \
    :: d_step { given_up[r] && doubt[r] && (!NEEDED(r) || POINTS(r)) -> settle(r) }

active proctype session() {
end:
    do
    :: d_step { !done && written < RECORDS - 1 && !quiet -> write_result() }
    /* When all is quiet: the client that has the token sends its ack until it is answered. */
    :: d_step { quiet && !done && written < RECORDS && !sent[1] && !sent[2] && !sent[3] ->
                write_result() }
    ACK(1) ACK(2) ACK(3)
    SETTLE(1) SETTLE(2) SETTLE(3)
    od
}

/* ---- collection ---- */

#ifdef M_NEW_RECORDS_JUDGED
#define IN_STRETCH(r) (r <= written)
#else
#define IN_STRETCH(r) (r <= closed)
#endif

inline answer_live() {
    live[1] = NEEDED(1) || doubt[1]; live[2] = NEEDED(2) || doubt[2]; live[3] = NEEDED(3) || doubt[3];
    payload_live = NEEDS_PAYLOAD
}
inline copy(r) {
    if
    :: r <= closed && live[r] && in_stretch[r] ->
        copied[r] = true; unsynced[r] = true
    :: else
    fi
}
inline drop(r) {
    if
    :: IN_STRETCH(r) ->
        in_stretch[r] = false;
        if :: !live[r] -> copied[r] = false :: else fi
    :: else
    fi
}

active proctype collector() {
end:
    do
    :: d_step { step == 0 && (collections < 1 || (quiet && collections < 9)) ->
                collections = (quiet -> 9 : collections + 1);
                step = ASK; closed = written }
    :: d_step { step == ASK -> answer_live(); step = COPY }
#ifdef M_DROPPED_BEFORE_COPIED
    :: d_step { step == COPY -> step = DROP }
#else
    :: d_step { step == COPY -> copy(1); copy(2); copy(3);
                if
                :: payload_live && payload -> payload_copied = true; payload_unsynced = true
                :: else
                fi;
                step = SYNC }
#endif
#ifdef M_SURVIVORS_NOT_SYNCED
    :: d_step { step == SYNC -> step = DROP }
#else
    :: d_step { step == SYNC -> unsynced[1] = false; unsynced[2] = false; unsynced[3] = false;
                payload_unsynced = false; step = DROP }
#endif
    :: d_step { step == DROP -> drop(1); drop(2); drop(3); payload = false;
                if :: !payload_live -> payload_copied = false :: else fi;
                step = 0; closed = 0;
                live[1] = false; live[2] = false; live[3] = false; payload_live = false;
                check() }
#ifdef M_MANAGER_DECIDES
    :: d_step { sent[1] && payload -> payload = false; payload_copied = false; check() }
#endif
    od
}

/* ---- what goes wrong ---- */

inline lose_unsynced(r) {
    if
    :: unsynced[r] && copied[r] -> copied[r] = false
    :: unsynced[r] && !copied[r] -> in_stretch[r] = false
    :: else
    fi;
    unsynced[r] = false; doubt[r] = false; given_up[r] = false; sent[r] = false
}

#define GIVE_UP(r) \
    :: d_step { !quiet && give_up_left > 0 && sent[r] && doubt[r] && !given_up[r] -> \
                give_up_left--; given_up[r] = true }

active proctype adversary() {
end:
    do
    :: quiet -> break
    :: d_step { !quiet -> quiet = true }
    :: d_step { !quiet && expire_left > 0 && !done && current == 1 -> expire_left--; current = 2 }
    :: d_step { !quiet && done && !forgotten -> forgotten = true }     /* no row, no result (R18) */
    GIVE_UP(1) GIVE_UP(2)
    :: d_step { !quiet && crash_left > 0 ->     /* and a new life begins */
                crash_left--;
                lose_unsynced(1); lose_unsynced(2); lose_unsynced(3);
                if :: payload_unsynced -> payload_copied = false :: else fi;
                payload_unsynced = false; step = 0; closed = 0;
                live[1] = false; live[2] = false; live[3] = false; payload_live = false;
                check() }
    od
}

active proctype monitor() {
    timeout ->
    MUST(I19_TASK_IS_DONE, done);
    MUST(R16_EVERY_DOUBT_ENDS, !doubt[1] && !doubt[2] && !doubt[3])
}
