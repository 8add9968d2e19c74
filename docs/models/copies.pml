/* Two running copies of a data directory: R2 (`in use`, `behind`, `seal`), the fence of R9 for dead
   lives.

   Directory 0 is the original; once, somebody copies it as it is and starts a second manager on the
   copy. Both have the same store id, shard and epoch counter. Links to the center break (B_LINK),
   processes crash and open again (B_CRASH). The center declares a life offline when it hears
   nothing of it. A manager goes on confirming while the center is away; a refused one does not. It
   waits when the shard is in use, and ends with an error when that lasts. A created message names
   its epoch and is sent by a life; it may arrive late.

   Not promised (X_): that a store which sealed the shard has the records that the other copy
   reported at the same offsets. Both confirmed there, which takes a partition of the original and
   a running copy at once; both then raise an alarm, and the row's payload may be the wrong one. */
#include "must.pml"
hidden byte I12_ONE_LIFE_IS_ONLINE, I12_CONNECTED_ORIGINAL_IS_NOT_DISTURBED, I12_NO_DEAD_LIFE_IS_HEARD;
hidden byte I1_CONFIRMED_IS_REPORTED, I2_PAYLOAD_IS_THERE, R2_COPY_RAISES_AN_ALARM;

#define LENGTH 3
#define AT(p, o) ((p) * LENGTH + (o))
#ifndef B_LINK
#define B_LINK 2
#endif
#ifndef B_CRASH
#define B_CRASH 1
#endif

/* The two directories and their processes. */
byte length[2], uid[2 * LENGTH], epoch[2], last_uid;
bool exists[2], up[2], link[2], may_append[2];
byte life[2], last_life;
bool alarm[2];                  /* it said why it ended, or lost its shard */
bool over[2];                   /* ended, or works on another shard */
byte refused_epoch[2], refused_life[2];         /* behind or rolled back against these */
/* The ledger's view of the shard. row: uid of the record that was reported, its content. */
byte l_epoch, l_life, created_hi, durable_end, missing_from, row[LENGTH];
bool online, sealed;
/* The newest created message of each process: who sent it, what. */
byte m_life[2], m_epoch[2], m_offset[2], m_uid[2];
/* Ghosts. */
bool confirmed[2 * LENGTH], settled;     /* settled: the original was registered, and never away since */
byte link_left = B_LINK, crash_left = B_CRASH;
bool quiet;
byte n;                         /* loops; zero between steps */

inline start(p) { epoch[p]++; last_life++; life[p] = last_life; up[p] = true; may_append[p] = false }

inline give_up(p) { up[p] = false; may_append[p] = false; alarm[p] = true; over[p] = true }

inline append(p) {
    last_uid++;
    uid[AT(p, length[p])] = last_uid; confirmed[AT(p, length[p])] = true;
    length[p]++
}

#define OTHER_CRC(p) (created_hi > 0 && created_hi <= length[p] && \
                      uid[AT(p, created_hi - 1)] != row[created_hi - 1])
#ifdef M_LIFE_NOT_COMPARED
#define SAME_LIFE(p) (epoch[p] == l_epoch)
#else
#define SAME_LIFE(p) (epoch[p] == l_epoch && life[p] == l_life)
#endif
#ifdef M_REGISTERS_OVER_ONLINE
#define IN_USE false
#else
#define IN_USE online
#endif

/* created_hi and the CRC are those of now: that a register may be late is in produce.pml. */
inline do_register(p) {
    MUST(I12_CONNECTED_ORIGINAL_IS_NOT_DISTURBED,
         !settled || (l_life == life[0] && !sealed));
    if
    :: sealed -> alarm[p] = true; over[p] = true; may_append[p] = false
    :: !sealed && SAME_LIFE(p) -> online = true; may_append[p] = true;
        settled = settled || p == 0
    :: !sealed && !SAME_LIFE(p) && IN_USE -> may_append[p] = false
    :: !sealed && !SAME_LIFE(p) && !IN_USE &&
       (epoch[p] <= l_epoch || length[p] < durable_end || length[p] < created_hi || OTHER_CRC(p)) ->
        may_append[p] = false; refused_epoch[p] = l_epoch; refused_life[p] = l_life
    :: else ->
        MUST(I12_ONE_LIFE_IS_ONLINE, !online);
        l_epoch = epoch[p]; l_life = life[p]; online = true; may_append[p] = true;
        settled = settled || p == 0;
        if :: length[p] > durable_end -> durable_end = length[p] :: else fi
    fi
}
#define IS_REGISTERED(p) (online && l_life == life[p] && may_append[p])

inline do_seal(p) {
    if
#ifdef M_SEALS_ANY_LIFE
    :: true ->
#else
#ifdef M_SEALS_ONLINE_LIFE
    :: l_epoch == refused_epoch[p] && l_life == refused_life[p] ->
#else
    :: l_epoch == refused_epoch[p] && l_life == refused_life[p] && !online ->
#endif
#endif
        MUST(I12_CONNECTED_ORIGINAL_IS_NOT_DISTURBED, !settled);
        sealed = true; missing_from = length[p];
        alarm[p] = true; over[p] = true
    :: else                     /* another life came meanwhile: register again */
    fi;
    refused_epoch[p] = 0; refused_life[p] = 0
}

inline send_created(p) {
    m_life[p] = life[p]; m_epoch[p] = epoch[p]; m_offset[p] = created_hi;
    m_uid[p] = uid[AT(p, created_hi)]
}
inline apply_created(p) {
    if
#ifdef M_EPOCH_ALONE_FENCES
    :: m_epoch[p] == l_epoch && m_offset[p] == created_hi && (!sealed || created_hi < missing_from) ->
#else
    :: m_epoch[p] == l_epoch && m_life[p] == l_life && online && m_offset[p] == created_hi &&
       !sealed ->
#endif
        MUST(I12_NO_DEAD_LIFE_IS_HEARD, m_life[p] == l_life && online);
        row[created_hi] = m_uid[p]; created_hi++;
        if :: created_hi > durable_end -> durable_end = created_hi :: else fi
    :: else
    fi;
    m_life[p] = 0; m_epoch[p] = 0; m_offset[p] = 0; m_uid[p] = 0
}

#if defined(M_REGISTERS_OVER_ONLINE) || defined(M_LIFE_NOT_COMPARED)
#define REG_ALWAYS true
#else
#define REG_ALWAYS false
#endif

active [2] proctype process() {
    byte i = _pid;
end:
    do
    :: d_step { exists[i] && !up[i] && !over[i] -> start(i) }
    :: d_step { up[i] && !over[i] && link[i] && !IS_REGISTERED(i) && !refused_life[i] &&
                (!online || l_life == life[i] || may_append[i] || sealed || REG_ALWAYS) ->
                do_register(i) }
    /* The shard stays in use: another running manager has it. */
    :: d_step { up[i] && !over[i] && link[i] && online && l_life != life[i] && !may_append[i] ->
                give_up(i) }
    :: d_step { up[i] && !over[i] && link[i] && refused_life[i] -> do_seal(i) }
    :: d_step { up[i] && !over[i] && may_append[i] && length[i] < LENGTH && !quiet -> append(i) }
    :: d_step { up[i] && link[i] && IS_REGISTERED(i) && created_hi < length[i] && !m_life[i] ->
                send_created(i) }
    :: d_step { m_life[i] -> apply_created(i) }
    od
}
#define UNHEARD(p) (online && l_life == life[p] && (!up[p] || !link[p]))

active proctype world() {
    byte p;
end:
    do
    :: d_step { !exists[0] -> exists[0] = true; link[0] = true }
    /* A copy is made of what lies there, and started. */
    :: d_step { !quiet && exists[0] && up[0] && !exists[1] ->
                exists[1] = true; link[1] = true; length[1] = length[0]; epoch[1] = epoch[0];
                n = 0;
                do :: n < LENGTH -> uid[AT(1, n)] = uid[AT(0, n)]; n++ :: else -> break od;
                n = 0 }
    :: d_step { online && (UNHEARD(0) || UNHEARD(1)) -> online = false }
    :: d_step { online && l_life != life[0] && l_life != life[1] -> online = false }
    :: d_step { !quiet && link_left > 0 && link[0] && exists[0] ->
                link_left--; link[0] = false; settled = false }
    :: d_step { !quiet && link_left > 0 && link[1] && exists[1] -> link_left--; link[1] = false }
    :: d_step { exists[0] && !link[0] -> link[0] = true }
    :: d_step { exists[1] && !link[1] -> link[1] = true }
    :: d_step { !quiet && crash_left > 0 && up[0] && !over[0] ->
                crash_left--; up[0] = false; may_append[0] = false; settled = false;
                refused_epoch[0] = 0; refused_life[0] = 0 }
    :: d_step { !quiet && crash_left > 0 && up[1] && !over[1] ->
                crash_left--; up[1] = false; may_append[1] = false;
                refused_epoch[1] = 0; refused_life[1] = 0 }
    :: d_step { !quiet -> quiet = true }
    od
}

/* A record that was confirmed is a row of the ledger with its content, or its process (or that of
   the other copy, when it sealed the shard) has raised an alarm. */
#define KNOWN(p, o) (created_hi > (o) && row[o] == uid[AT(p, o)])
#define SAFE(p, o) \
    (!confirmed[AT(p, o)] || KNOWN(p, o) || alarm[p] || (alarm[0] && p == 1 && sealed))
#define WRONG(p, o) \
    (sealed && over[p] && missing_from == length[p] && created_hi > (o) && (o) < missing_from && \
     row[o] != uid[AT(p, o)])

active proctype monitor() {
    timeout ->
    MUST(I1_CONFIRMED_IS_REPORTED, exists[1] || crash_left < B_CRASH || created_hi == length[0]);
    MUST(R2_COPY_RAISES_AN_ALARM, SAFE(0, 0) && SAFE(0, 1) && SAFE(0, 2) &&
                                  SAFE(1, 0) && SAFE(1, 1) && SAFE(1, 2));
    MUST(R2_COPY_RAISES_AN_ALARM, !exists[1] || alarm[0] || alarm[1]);
#ifdef X_SEALED_STORE_HAS_EVERY_ROW             /* what the rule does not promise */
    MUST(I2_PAYLOAD_IS_THERE, !WRONG(0, 0) && !WRONG(0, 1) && !WRONG(1, 0) && !WRONG(1, 1));
#endif
}
