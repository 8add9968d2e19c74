/* The ledger's own disk: log, snapshots, the cut, the archive, recovery (I3, I6, I11, I14, I16; R19,
   R20; docs/storage-format.md).

   Entries are numbered from 1; an entry carries one request, which may be repeated and has its
   effect once: a token, told in the answer. The log is written, then synced, then applied, then
   answered. A snapshot is the state of one moment, written as a file while entries go on; when it
   is synced one write names it and cuts the log; then the old file goes. The archive is ended and
   synced before. A crash may come between any two steps, also of a recovery; it takes what was not
   synced, or a part of it. An older copy of the whole directory may be put back once.

   One manager keeps the highest index that it has seen, on disk before it deletes payloads that the
   ledger called finished, and speaks to no ledger that is behind it. Request 0 creates nothing: it
   completes the task whose payload the manager then may delete. */
#include "must.pml"
hidden byte I3_NO_TOKEN_TWICE, I6_DONE_STAYS_DONE, I9_SAME_STATE_AFTER_REPLAY, I11_SAME_ANSWER;
hidden byte I13_NOTHING_NEEDED_IS_DELETED, I14_ANSWERED_IS_KEPT, I16_RECOVERY_FINDS_ITS_FILES;
hidden byte R20_WENT_BACK_IS_NOTICED, R19_ARCHIVE_BEFORE_CUT, I19_EVERY_REQUEST_IS_ANSWERED;

#define REQUESTS 3
#ifndef ENTRIES
#define ENTRIES 4               /* the log's length; requests come again while there is room */
#endif
#define FILES 2                 /* snapshot files that may lie there */
#define BIT(x) (1 << (x))

#ifndef B_CRASH
#define B_CRASH 1
#endif
#ifndef B_OLD
#define B_OLD 0                 /* older copies put back */
#endif
#ifndef SNAPSHOTS
#define SNAPSHOTS 2
#endif

/* Durable: what a power cut leaves. entry: request + 1. */
byte entry[ENTRIES + 1], first = 1, synced;     /* log [first, synced] */
byte named;                                     /* the index that the key names; 0: no snapshot */
byte file_index[FILES], file_done[FILES], file_counter[FILES];
byte file_tokens[FILES * REQUESTS];
byte archived;                                  /* the archive is synced up to this entry */
bool file_synced[FILES];
/* A copy of it from earlier (only what differs then: entries never change). */
bool copied; byte old_synced, old_named, old_first, old_archived;
byte old_file_index[FILES]; bool old_file_synced[FILES];
/* Volatile. */
bool up, recovered; byte written;               /* log entries above synced are not synced */
byte index, done, counter, token[REQUESTS];     /* the ledger: applied up to; done: mask */
byte saving, saving_file, saving_done, saving_counter, saving_token[REQUESTS];
byte step;                                      /* of a snapshot */
/* The manager: durable. */
byte seen, seen_volatile; bool collecting, deleted, refuses;
/* Ghosts: what was answered, and the state after each entry as it was first applied. */
byte told[REQUESTS], highest_told; bool unnoticed;
byte done_at[ENTRIES + 1], counter_at[ENTRIES + 1];
byte restart_left = B_OLD;       /* restarts of the manager */
byte crash_left = B_CRASH, old_left = B_OLD, snapshots_left = SNAPSHOTS;
bool quiet, went_back;
byte n, r;                                      /* loops; zero between steps */

#define NOTHING 0               /* steps of a snapshot */
#define ARCHIVE 1
#define WRITE 2
#define SWITCH 3
#define CUT 4                   /* only where the switch is two writes */
#define REMOVE 5

/* ---- applying ---- */

inline apply() {
    index++;
    r = entry[index] - 1;
    if
    :: !(done & BIT(r)) -> counter++; token[r] = counter; done = done | BIT(r)
    :: else
    fi;
    if
    :: counter_at[index] == 0 -> done_at[index] = done; counter_at[index] = counter
    :: else ->
        MUST(I9_SAME_STATE_AFTER_REPLAY, done_at[index] == done && counter_at[index] == counter)
    fi;
    r = 0
}

inline answer(k) {
    MUST(I11_SAME_ANSWER, told[k] == 0 || told[k] == token[k]);
    told[k] = token[k];
    MUST(I3_NO_TOKEN_TWICE, unnoticed || ((told[0] != told[1] || told[0] == 0) &&
                                          (told[0] != told[2] || told[0] == 0) &&
                                          (told[1] != told[2] || told[1] == 0)));
    if :: index > highest_told -> highest_told = index :: else fi;
    if :: index > seen_volatile -> seen_volatile = index :: else fi
}

/* ---- snapshots ---- */

inline begin_snapshot() {
    saving = index; saving_done = done; saving_counter = counter;
    n = 0;
    do :: n < REQUESTS -> saving_token[n] = token[n]; n++ :: else -> break od;
    n = 0;
    if :: file_index[0] == named -> saving_file = 1 :: else -> saving_file = 0 fi;
#ifdef M_CUT_BEFORE_ARCHIVE
    step = WRITE
#else
    step = ARCHIVE
#endif
}

/* The pages are those of the moment when it began, whatever was applied since. */
inline write_file() {
    file_index[saving_file] = saving;
#ifdef M_PAGES_OF_NOW
    file_done[saving_file] = done; file_counter[saving_file] = counter;
    n = 0;
    do :: n < REQUESTS -> file_tokens[saving_file * REQUESTS + n] = token[n]; n++
       :: else -> break od;
#else
    file_done[saving_file] = saving_done; file_counter[saving_file] = saving_counter;
    n = 0;
    do :: n < REQUESTS -> file_tokens[saving_file * REQUESTS + n] = saving_token[n]; n++
       :: else -> break od;
#endif
    n = 0;
#ifdef M_COUNTER_NOT_SAVED
    file_counter[saving_file] = 0;
#endif
#ifndef M_FILE_NOT_SYNCED
    file_synced[saving_file] = true;
#else
    file_synced[saving_file] = false;
#endif
#ifdef M_OLD_FILE_REMOVED_FIRST
    file_index[1 - saving_file] = 0; file_synced[1 - saving_file] = false;
#endif
    step = SWITCH
}

inline switch_snapshot() {
#ifdef M_CUT_THEN_NAMED
    first = saving + 1; step = CUT
#else
#ifdef M_NAMED_ONE_TOO_FAR
    named = saving + 1; first = saving + 1; step = REMOVE
#else
    named = saving; first = saving + 1; step = REMOVE
#endif
#endif
    MUST(R19_ARCHIVE_BEFORE_CUT, archived >= saving)
}

inline remove_old() {
    file_index[1 - saving_file] = 0; file_synced[1 - saving_file] = false;
    step = NOTHING; saving = 0
}

/* ---- death and recovery ---- */

inline lose_memory() {
    up = false; recovered = false; index = 0; done = 0; counter = 0; step = NOTHING; saving = 0;
    saving_file = 0; saving_done = 0; saving_counter = 0;
    n = 0;
    do :: n < REQUESTS -> token[n] = 0; saving_token[n] = 0; n++ :: else -> break od;
    n = 0;
    do                                          /* what was not synced is gone, in part or all */
    :: written > synced -> entry[written] = 0; written--
    :: else -> break
    od
}
/* A file that was not synced is torn. */
inline tear_files() {
    if :: !file_synced[0] -> file_index[0] = 0 :: else fi;
    if :: !file_synced[1] -> file_index[1] = 0 :: else fi
}

inline open_store() {
    up = true; written = synced;
    MUST(I16_RECOVERY_FINDS_ITS_FILES, first == named + 1);
    n = (file_index[0] == named -> 0 : 1);
    if
    :: named > 0 ->
        MUST(I16_RECOVERY_FINDS_ITS_FILES, file_index[n] == named && file_synced[n]);
        index = named; done = file_done[n]; counter = file_counter[n];
        r = 0;
        do :: r < REQUESTS -> token[r] = file_tokens[n * REQUESTS + r]; r++ :: else -> break od;
        r = 0;
        MUST(I9_SAME_STATE_AFTER_REPLAY, done_at[index] == done && counter_at[index] == counter)
    :: else
    fi;
    if :: file_index[1 - n] > 0 -> file_index[1 - n] = 0; file_synced[1 - n] = false :: else fi;
    n = 0
}

/* All that is synced is applied again before anything is answered. A manager compares with what it
   has seen. */
inline finish_recovery() {
    recovered = true;
    refuses = (index < seen_volatile);
    /* What was heard since the position was last kept is forgotten by a manager that restarts. */
    MUST(R20_WENT_BACK_IS_NOTICED, refuses || index >= highest_told || restart_left < B_OLD);
    unnoticed = unnoticed || (went_back && !refuses);
    n = 0;
    do
    :: n < REQUESTS ->
        MUST(I14_ANSWERED_IS_KEPT, went_back || !told[n] || ((done & BIT(n)) && token[n] == told[n]));
        n++
    :: else -> break
    od;
    n = 0
}

#ifdef M_MANAGER_TAKES_ANY_LEDGER
#define SPEAKS true
#else
#define SPEAKS (!refuses)
#endif

#define PROPOSE(k) \
    :: d_step { recovered && SPEAKS && !told[k] && written < ENTRIES && \
                (written == synced || entry[written] != k + 1) -> \
                written++; entry[written] = k + 1 }
#define ANSWER(k) \
    :: d_step { recovered && SPEAKS && (done & BIT(k)) && !told[k] -> answer(k) }
#define REPEAT(k) \
    :: d_step { recovered && SPEAKS && told[k] && !quiet && written < ENTRIES - 1 && \
                written == synced -> written++; entry[written] = k + 1 }

active proctype center() {
end:
    do
    :: d_step { !up -> open_store() }
#ifdef M_ANSWERED_DURING_REPLAY
    :: d_step { up && !recovered -> finish_recovery() }
#else
    :: d_step { up && !recovered && index == synced -> finish_recovery() }
#endif
    :: d_step { up && index < synced && entry[index + 1] -> apply() }
#ifdef M_APPLIED_BEFORE_SYNCED
    :: d_step { recovered && index >= synced && index < written -> apply() }
#endif
    :: d_step { recovered && written > synced -> synced = written }
    PROPOSE(0) PROPOSE(1) PROPOSE(2)
    ANSWER(0) ANSWER(1) ANSWER(2)
    REPEAT(0) REPEAT(1)
    :: d_step { recovered && step == NOTHING && snapshots_left > 0 && index > named &&
                index <= synced && !quiet -> snapshots_left--; begin_snapshot() }
    :: d_step { recovered && step == ARCHIVE -> archived = saving; step = WRITE }
    :: d_step { recovered && step == WRITE -> write_file() }
    :: d_step { recovered && step == SWITCH -> switch_snapshot() }
    :: d_step { recovered && step == CUT -> named = saving; step = REMOVE }
    :: d_step { recovered && step == REMOVE -> remove_old() }
    od
}

/* The payload of request 0's task goes when the ledger has called it finished, and when that
   position is on disk (R17, R20). */
active proctype manager() {
end:
    do
    :: d_step { recovered && SPEAKS && (done & BIT(0)) && !collecting && !deleted ->
                collecting = true;
                if :: index > seen_volatile -> seen_volatile = index :: else fi }
#ifdef M_POSITION_NOT_KEPT
    :: d_step { collecting && !deleted -> deleted = true; collecting = false }
#else
    :: d_step { collecting && !deleted && seen == seen_volatile ->
                deleted = true; collecting = false }
#endif
    :: d_step { collecting && seen < seen_volatile -> seen = seen_volatile }
    :: d_step { restart_left > 0 && !quiet && (seen_volatile > seen || collecting) ->
                restart_left--; seen_volatile = seen; collecting = false }
    :: d_step { deleted && recovered && SPEAKS && !(done & BIT(0)) ->
                MUST(I13_NOTHING_NEEDED_IS_DELETED, false) }
    od
}

inline put_back() {
    went_back = (synced > old_synced || named > old_named);
    synced = old_synced; named = old_named; first = old_first; archived = old_archived;
    file_index[0] = old_file_index[0]; file_index[1] = old_file_index[1];
    file_synced[0] = old_file_synced[0]; file_synced[1] = old_file_synced[1];
    n = synced + 1;
    do                                  /* its later entries are another history */
    :: n <= ENTRIES -> entry[n] = 0; done_at[n] = 0; counter_at[n] = 0; n++
    :: else -> break
    od;
    n = 0
}

active proctype adversary() {
end:
    do
    :: quiet -> break
    :: d_step { !quiet -> quiet = true }
    :: d_step { !quiet && old_left > 0 && !copied && step == NOTHING ->
                copied = true; old_synced = synced; old_named = named; old_first = first;
                old_archived = archived;
                old_file_index[0] = file_index[0]; old_file_index[1] = file_index[1];
                old_file_synced[0] = file_synced[0]; old_file_synced[1] = file_synced[1] }
    :: d_step { !quiet && crash_left > 0 && up -> crash_left--; lose_memory(); tear_files() }
    :: d_step { !quiet && crash_left > 0 && up && written > synced ->   /* a part was on disk */
                crash_left--; synced++; lose_memory(); tear_files() }
    :: d_step { !quiet && old_left > 0 && copied && up ->
                old_left--; lose_memory(); put_back(); tear_files() }
    od
}

active proctype monitor() {
    timeout ->
    MUST(I19_EVERY_REQUEST_IS_ANSWERED,
         refuses || written == ENTRIES || (told[0] && told[1] && told[2]));
    MUST(I6_DONE_STAYS_DONE, refuses || unnoticed || !told[0] || (done & BIT(0)))
}
