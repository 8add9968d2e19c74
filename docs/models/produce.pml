/* Producing once: R1, R2, R5, R6 (registration, created, moved produce, sealing, an old disk).

   Two shards, one item of one producer, and a filler that only moves offsets. The producer repeats
   the item at shard 0 as plain, and after that also at shard 1 and back as `moved`, or gives up. A
   moved request is always stored anew, as a record that WAITS; plain repetitions are found among
   plain records. Requests and messages to the ledger may be late, repeated or lost; a request dies
   with the process that it was sent to. "The center is away" = its steps do not come. `uid` is the
   content of a record and stands for its CRC.

   A crash may put an older copy of the disk back (B_ROLL): then the shard is sealed, what is known
   and missing is quarantined, and its owner reports the rest that it has. -DKEYED: the item has a
   key, which waits like a moved one; ahead of the code, there are no keys yet. Two processes on
   copies of one directory are in copies.pml; "online" is not modelled here. */
#include "must.pml"
hidden byte I1_CONFIRMED_IS_REPORTED, I2_PAYLOAD_IS_THERE, I10_ONE_TASK, I10_THE_WINNER_IS_TOLD;
hidden byte I12_HEALTHY_SHARD_IS_NOT_SEALED, I12_NO_OFFSET_TWICE, I19_PRODUCE_ENDS;
hidden byte R2_LOSS_RAISES_AN_ALARM;

#ifndef B_CRASH
#define B_CRASH 1               /* crashes of managers */
#endif
#ifndef B_ROLL
#define B_ROLL 0                /* of which so many find an older disk */
#endif
#ifndef B_FILL
#define B_FILL 1                /* filler items */
#endif
#ifndef B_GIVE_UP
#define B_GIVE_UP 0             /* 1: the producer may stop asking, the outcome unknown */
#endif
#ifndef TRIES
#define TRIES 4                 /* times that the producer asks before all is quiet */
#endif
#define LENGTH 4                /* of a shard's log */
#define AT(s, o) ((s) * LENGTH + (o))
#define SUBJECT 1
#define FILLER 2

#define PLAIN 1                 /* kinds of records */
#define WAITS 2                 /* confirmed by the ledger only */
#define VOIDED 3                /* waited, and its epoch is over: reported as void */
#define READY 1                 /* tasks in the ledger */
#define VOID 2
#define QUARANTINED 3

/* The disks. copy_*: an earlier state, a prefix. */
byte length[2], item[2 * LENGTH], kind[2 * LENGTH], uid[2 * LENGTH], epoch[2], last_uid;
byte copy_length[2], copy_epoch[2]; bool copied[2], rolled[2];
/* The managers. */
bool up[2], registered[2]; byte life[2], last_life;
/* The ledger. */
byte l_epoch[2], l_life[2], created_hi[2], crc[2], task[2 * LENGTH], durable_end[2];
bool sealed[2], alarm[2]; byte missing_from[2];
byte winner, winner_uid;        /* the subject's task + 1, its content */
bool known, waited, resolved;   /* its number is in the table; as moved; resolved_below passed it */
bool registered_since, caught_up; byte reported_to;     /* shard 0, since it was resolved */
/* Register messages, the newest of each of two lives; created messages, a record each, the newest
   and an older one. */
byte r_epoch[4], r_next[4], r_seen[4], r_uid[4], r_life[4];
byte c_epoch[2 * LENGTH], c_item[2 * LENGTH], c_kind[2 * LENGTH], c_uid[2 * LENGTH];
byte o_epoch[2 * LENGTH], o_item[2 * LENGTH], o_kind[2 * LENGTH], o_uid[2 * LENGTH];
/* The producer. told: shard + 1. */
bool asks_plain[2], asks_moved[2], settled, moved, gave_up; byte told, told_offset, tries;
byte ready_tasks, fill_left = B_FILL, crash_left = B_CRASH, roll_left = B_ROLL;
bool quiet, excused;

#ifdef KEYED
#define KEY 1
#else
#define KEY 0
#endif
#define MAY_APPEND(s) (up[s] && registered[s] && !sealed[s] && length[s] < LENGTH)

/* ---- managers ---- */

#ifdef M_VOID_IS_AN_OCCURRENCE
#define IS_OCCURRENCE(s, n) true
#else
#define IS_OCCURRENCE(s, n) (KEY -> kind[AT(s, n)] != VOIDED : kind[AT(s, n)] == PLAIN)
#endif
inline find(s) {
    o = 0;
    do
    :: o < length[s] && !(item[AT(s, o)] == SUBJECT && IS_OCCURRENCE(s, o)) -> o++
    :: else -> break
    od
}

inline append(s, what, how) {
    o = length[s]; last_uid++;
    item[AT(s, o)] = what; kind[AT(s, o)] = how; uid[AT(s, o)] = last_uid; length[s]++;
    MUST(I12_NO_OFFSET_TWICE, task[AT(s, o)] == 0 && created_hi[s] <= o)
}

inline confirm(s, offset) {
    if :: !settled -> settled = true; told = s + 1; told_offset = offset :: else fi
}

/* Once it has sent `moved`, only the ledger's answer counts for a producer. */
#ifdef M_LATE_PLAIN_COUNTS
#define PLAIN_COUNTS true
#else
#define PLAIN_COUNTS (!moved)
#endif

/* A request of the subject reaches manager s: stored, synced, answered. The answer may be lost, or
   come when the producer has asked elsewhere. */
inline take_request(s, waits, lost) {
    if :: waits && !KEY -> o = length[s] :: else -> find(s) fi;
#ifdef M_NO_DEDUP
    o = length[s];
#endif
    if
    :: o == length[s] -> append(s, SUBJECT, (waits || KEY -> WAITS : PLAIN))
    :: else
    fi;
#ifdef M_CONFIRMED_BY_THE_SHARD
    confirm(s, o);
#else
    if
    :: !lost && !waits && kind[AT(s, o)] == PLAIN && PLAIN_COUNTS -> confirm(s, o)
    :: else
    fi;
#endif
    o = 0
}

/* Nobody was told of what waited in an earlier epoch. */
inline void_what_waited(s) {
    o = created_hi[s];
    do
    :: o < length[s] -> if :: kind[AT(s, o)] == WAITS -> kind[AT(s, o)] = VOIDED :: else fi; o++
    :: else -> break
    od;
    o = 0
}

inline send_register(s) {
    if
    :: r_life[s] != life[s] ->
        r_epoch[2 + s] = r_epoch[s]; r_next[2 + s] = r_next[s]; r_seen[2 + s] = r_seen[s];
        r_uid[2 + s] = r_uid[s]; r_life[2 + s] = r_life[s]
    :: else
    fi;
    r_epoch[s] = epoch[s]; r_next[s] = length[s]; r_seen[s] = created_hi[s]; r_life[s] = life[s];
    r_uid[s] = (created_hi[s] > 0 && created_hi[s] <= length[s] -> uid[AT(s, created_hi[s] - 1)] : 0)
}

inline send_created(s, with_epoch) {            /* from the watermark on */
    o = created_hi[s];
    o_epoch[AT(s, o)] = c_epoch[AT(s, o)]; o_item[AT(s, o)] = c_item[AT(s, o)];
    o_kind[AT(s, o)] = c_kind[AT(s, o)]; o_uid[AT(s, o)] = c_uid[AT(s, o)];
    c_epoch[AT(s, o)] = with_epoch; c_item[AT(s, o)] = item[AT(s, o)];
    c_uid[AT(s, o)] = uid[AT(s, o)]; c_kind[AT(s, o)] = kind[AT(s, o)];
    o = 0
}
#define IS_SENT(s, with_epoch) \
    (c_epoch[AT(s, created_hi[s])] == with_epoch && \
     c_uid[AT(s, created_hi[s])] == uid[AT(s, created_hi[s])])

/* ---- the ledger ---- */

inline note_caught_up(s) {
    if
    :: s == 0 && registered_since && (created_hi[0] >= reported_to ||
                                      (sealed[0] && created_hi[0] >= missing_from[0])) ->
        caught_up = true
    :: else
    fi
}

/* What becomes of an occurrence of the subject: the first one wins. */
inline admit(s, n, how, content) {
    if
#ifndef M_EACH_OCCURRENCE_IS_NEW
    :: known -> task[AT(s, n)] = VOID
#endif
#ifndef M_RESOLVED_MOVED_IS_NEW
    :: !known && resolved && how == WAITS -> task[AT(s, n)] = VOID
#endif
    :: else ->
        task[AT(s, n)] = READY; ready_tasks++;
        MUST(I10_ONE_TASK, ready_tasks <= 1);
        if :: !winner -> winner = 1 + AT(s, n); winner_uid = content :: else fi;
        known = !(resolved && how == PLAIN)     /* nobody will repeat it */
    fi;
    waited = waited || how == WAITS
}

inline apply_created(s, with_epoch, what, how, content) {
    o = created_hi[s];
    if
#ifdef M_ANY_EPOCH_REPORTS
    :: !sealed[s] ->
#else
    :: with_epoch == l_epoch[s] && (!sealed[s] || o < missing_from[s]) ->
#endif
        MUST(I2_PAYLOAD_IS_THERE, rolled[s] || (length[s] > o && uid[AT(s, o)] == content));
        created_hi[s]++; crc[s] = content;
        if :: created_hi[s] > durable_end[s] -> durable_end[s] = created_hi[s] :: else fi;
        if
        :: how == VOIDED -> task[AT(s, o)] = VOID
        :: how != VOIDED && what == SUBJECT -> admit(s, o, how, content)
        :: else -> task[AT(s, o)] = READY
        fi;
        note_caught_up(s)
    :: else
    fi;
    o = 0
}

#ifdef M_GAP_ACCEPTED
inline apply_gap(s) {                           /* a maximum instead of a comparison */
    o = created_hi[s] + 1;
    created_hi[s] = o + 1; crc[s] = uid[AT(s, o)];
    if
    :: kind[AT(s, o)] == VOIDED -> task[AT(s, o)] = VOID
    :: kind[AT(s, o)] != VOIDED && item[AT(s, o)] == SUBJECT ->
        admit(s, o, kind[AT(s, o)], uid[AT(s, o)])
    :: else -> task[AT(s, o)] = READY
    fi;
    o = 0
}
#endif

inline seal(s) {
    MUST(I12_HEALTHY_SHARD_IS_NOT_SEALED, rolled[s]);
    sealed[s] = true; alarm[s] = true; missing_from[s] = length[s];
    o = length[s];
    do
    :: o < LENGTH -> if :: task[AT(s, o)] == READY -> task[AT(s, o)] = QUARANTINED :: else fi; o++
    :: else -> break
    od;
    o = created_hi[s];                          /* messages of the life before are refused */
    do
    :: o < LENGTH -> c_epoch[AT(s, o)] = 0; o_epoch[AT(s, o)] = 0; o++
    :: else -> break
    od;
    o = 0;
    note_caught_up(s)
}
/* Only the living sender learns that it was refused, and seals. */
#define LIVES(k, s) (r_life[k] == life[s] && up[s])

#ifdef M_CRC_OF_UNNAMED_RECORD
#define OTHER_CRC(k, s) (created_hi[s] > 0 && r_uid[k] != crc[s])
#else
#define OTHER_CRC(k, s) (r_seen[k] == created_hi[s] && created_hi[s] > 0 && r_uid[k] != crc[s])
#endif
#define ROLLED_BACK(k, s) \
    (r_next[k] < created_hi[s] || r_next[k] < durable_end[s] || OTHER_CRC(k, s))

inline register_life(k, s) {
    l_epoch[s] = r_epoch[k]; l_life[s] = r_life[k];
    if :: r_next[k] > durable_end[s] -> durable_end[s] = r_next[k] :: else fi;
    if
    :: s == 0 && resolved -> registered_since = true; reported_to = r_next[k]; note_caught_up(0)
    :: else
    fi
}

inline apply_register(k, s) {
    if
    :: r_epoch[k] > l_epoch[s] && !sealed[s] ->
#ifdef M_ROLLBACK_NOT_CHECKED
        register_life(k, s)
#else
        if
        :: ROLLED_BACK(k, s) -> if :: LIVES(k, s) -> seal(s) :: else fi
        :: else ->
            if
            :: r_seen[k] == created_hi[s] -> register_life(k, s)
#ifdef M_CRC_OF_UNNAMED_RECORD
            :: else -> register_life(k, s)
#else
            :: else                             /* "expected": ask again */
#endif
            fi
        fi
#endif
    :: r_epoch[k] && r_epoch[k] <= l_epoch[s] && !sealed[s] ->      /* behind, or repeated */
#ifdef M_REPEATED_REGISTER_SEALS
        seal(s)
#else
        if :: r_life[k] != l_life[s] && LIVES(k, s) -> seal(s) :: else fi
#endif
    :: else
    fi
}
#ifdef M_REPEATED_REGISTER_SEALS
#define MATTERS_OLD(k, s) (r_epoch[k] && r_epoch[k] <= l_epoch[s])
#else
#define MATTERS_OLD(k, s) \
    (r_epoch[k] && r_epoch[k] <= l_epoch[s] && r_life[k] != l_life[s] && LIVES(k, s))
#endif
#ifdef M_CRC_OF_UNNAMED_RECORD
#define ANY_SEEN || true
#else
#define ANY_SEEN
#endif
#define MATTERS(k, s) \
    (!sealed[s] && (MATTERS_OLD(k, s) || \
     (r_epoch[k] > l_epoch[s] && (r_seen[k] == created_hi[s] || (ROLLED_BACK(k, s) && LIVES(k, s)) \
                                  ANY_SEEN))))
#ifdef M_ANY_EPOCH_REPORTS
#define CURRENT(e, s) true
#else
#define CURRENT(e, s) (e == l_epoch[s])
#endif
#define REPORTABLE(s) \
    (created_hi[s] < LENGTH && (!sealed[s] || created_hi[s] < missing_from[s]))

active [2] proctype manager() {
    byte i = _pid;
    byte o;
end:
    do
    :: d_step { !up[i] ->                       /* opens: epoch + 1, synced, and a new life */
                up[i] = true; registered[i] = false; epoch[i]++; last_life++; life[i] = last_life }
    :: d_step { up[i] && !sealed[i] && l_life[i] != life[i] &&
                (r_life[i] != life[i] || r_seen[i] != created_hi[i]) -> send_register(i) }
    :: atomic { MATTERS(i, i) -> apply_register(i, i) }
    :: atomic { MATTERS(2 + i, i) -> apply_register(2 + i, i) }     /* of the life before, late */
#ifdef M_APPENDS_BEFORE_REGISTERED
    :: d_step { up[i] && !registered[i] ->
#else
    :: d_step { up[i] && !registered[i] && l_life[i] == life[i] && l_epoch[i] == epoch[i] ->
#endif
                registered[i] = true; void_what_waited(i) }
    :: d_step { asks_plain[i] && MAY_APPEND(i) ->
                asks_plain[i] = false; take_request(i, 0, false) }
    :: d_step { asks_plain[i] && MAY_APPEND(i) && !quiet && tries < 3 ->
                asks_plain[i] = false; take_request(i, 0, true) }
    :: d_step { asks_moved[i] && MAY_APPEND(i) ->
                asks_moved[i] = false; take_request(i, 1, false) }
    :: d_step { fill_left > 0 && !quiet && MAY_APPEND(i) ->
                fill_left--; append(i, FILLER, PLAIN); o = 0 }
    :: d_step { up[i] && registered[i] && !sealed[i] && created_hi[i] < length[i] &&
                !IS_SENT(i, epoch[i]) -> send_created(i, epoch[i]) }
#ifndef M_SEALED_KEEPS_ITS_REST
    /* The rest of a sealed shard, under the epoch that was stored then; what waited is void. */
    :: d_step { up[i] && sealed[i] && created_hi[i] < missing_from[i] && !IS_SENT(i, l_epoch[i]) ->
                void_what_waited(i); send_created(i, l_epoch[i]) }
#endif
#ifdef M_GAP_ACCEPTED
    :: d_step { up[i] && registered[i] && created_hi[i] + 1 < length[i] && !sealed[i] ->
                apply_gap(i) }
#endif
    :: d_step { REPORTABLE(i) && c_epoch[AT(i, created_hi[i])] &&
                CURRENT(c_epoch[AT(i, created_hi[i])], i) ->
                o = created_hi[i];
                apply_created(i, c_epoch[AT(i, o)], c_item[AT(i, o)], c_kind[AT(i, o)],
                              c_uid[AT(i, o)]) }
    :: d_step { REPORTABLE(i) && o_epoch[AT(i, created_hi[i])] &&
                CURRENT(o_epoch[AT(i, created_hi[i])], i) ->
                o = created_hi[i];
                apply_created(i, o_epoch[AT(i, o)], o_item[AT(i, o)], o_kind[AT(i, o)],
                              o_uid[AT(i, o)]) }
    od
}

/* ---- the producer ---- */

inline resolve() {
    resolved = true;
    if :: known && !waited -> known = false :: else fi
}

/* HELLO_OK names a shard only once the process is registered; without one nothing is sent. */
#ifdef M_ASKED_BEFORE_REGISTERED
#define REACHES(s) true
#else
#define REACHES(s) (up[s] && registered[s])
#endif

active proctype producer() {
end:
    do
    :: d_step { tries == 0 && REACHES(0) -> tries = 1; asks_plain[0] = true }
    :: d_step { tries > 0 && tries < TRIES && !settled && !quiet && !gave_up && !moved &&
                !asks_plain[0] && REACHES(0) -> tries++; asks_plain[0] = true }
    :: d_step { tries > 0 && tries < TRIES && !settled && !quiet && !gave_up && !asks_moved[1] &&
                REACHES(1) -> tries++; moved = true; asks_moved[1] = true }
    :: d_step { tries > 0 && tries < TRIES && !settled && !quiet && !gave_up && moved &&
                !asks_moved[0] && REACHES(0) -> tries++; asks_moved[0] = true }
    /* When all is quiet, once more, as a living producer would. */
    :: d_step { quiet && !settled && !gave_up && !moved && !asks_plain[0] && MAY_APPEND(0) &&
                tries < 9 -> tries = 9; asks_plain[0] = true }
    :: d_step { quiet && !settled && !gave_up && moved && !asks_moved[1] && MAY_APPEND(1) &&
                tries < 9 -> tries = 9; asks_moved[1] = true }
    /* The ledger's answer names the winner. */
    :: d_step { !settled && !gave_up && (moved || KEY) && winner && task[winner - 1] == READY ->
                confirm((winner - 1) / LENGTH, (winner - 1) % LENGTH) }
    :: d_step { B_GIVE_UP && !settled && !gave_up && !quiet && tries > 1 -> gave_up = true }
    :: d_step { (settled || gave_up) && !resolved -> resolve() }
    /* A moved number stays until shard 0, where it may be, can report no other occurrence. */
#ifdef M_MOVED_FORGOTTEN_AT_ONCE
    :: d_step { known && resolved -> known = false }
#else
#ifdef M_FORGOTTEN_BEFORE_CAUGHT_UP
    :: d_step { known && resolved && registered_since -> known = false }
#else
    :: d_step { known && resolved && caught_up && !KEY -> known = false }
#endif
#endif
    od
}

/* ---- what goes wrong ---- */

#ifdef B_COPY_LATE              /* only copies of a disk in use: a smaller search */
#define MAY_COPY registered[0]
#else
#define MAY_COPY true
#endif

active proctype adversary() {
    byte s;
end:
    do
    :: quiet -> break
    :: d_step { !quiet -> quiet = true }
    :: atomic { !quiet && roll_left > 0 && !copied[0] && !copied[1] && MAY_COPY ->
           if :: s = 0 :: s = 1 fi;
           copied[s] = true; copy_length[s] = length[s]; copy_epoch[s] = epoch[s]; s = 0 }
    :: atomic { !quiet && crash_left > 0 && (up[0] || up[1]) ->
           if :: up[0] -> s = 0 :: up[1] -> s = 1 fi;
           crash_left--; up[s] = false; registered[s] = false;
           asks_plain[s] = false; asks_moved[s] = false;
           if
           :: roll_left > 0 && copied[s] ->
               roll_left--;
               rolled[s] = (length[s] > copy_length[s] || epoch[s] > copy_epoch[s]);
               /* Confirmed after the last report that anybody saw: lost without alarm (R2). */
               if
               :: told == s + 1 && told_offset >= copy_length[s] && durable_end[s] <= told_offset ->
                   excused = true
               :: else
               fi;
               length[s] = copy_length[s]; epoch[s] = copy_epoch[s]
           :: true
           fi;
           s = 0 }
    od
}

#define ANY_ROLLED (rolled[0] || rolled[1])
#define HAS_PAYLOAD(n) (length[(n) / LENGTH] > (n) % LENGTH && uid[n] == winner_uid)
#define LOST_WITH_ALARM (alarm[told - 1] && told_offset >= missing_from[told - 1])
active proctype monitor() {
    timeout ->
#ifndef X_UNREPORTED_LOSS_IS_NOTICED            /* what the rule does not promise */
    if :: excused -> goto over :: else fi;
#endif
    MUST(I19_PRODUCE_ENDS, settled || gave_up || ANY_ROLLED);
    if
    :: told ->
        MUST(I1_CONFIRMED_IS_REPORTED, winner || ANY_ROLLED);
        MUST(R2_LOSS_RAISES_AN_ALARM, winner || LOST_WITH_ALARM);
        if
        :: winner ->
            MUST(I10_THE_WINNER_IS_TOLD,
                 (told - 1 == (winner - 1) / LENGTH && told_offset == (winner - 1) % LENGTH) ||
                 alarm[told - 1]);
            MUST(I10_ONE_TASK, task[winner - 1] != VOID);
            MUST(I2_PAYLOAD_IS_THERE, task[winner - 1] == QUARANTINED || HAS_PAYLOAD(winner - 1))
        :: else
        fi
    :: else
    fi;
over:
    skip
}
