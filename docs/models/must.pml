/* MUST(promise, condition): an assertion that names what it shows. A promise is never set: it only
   stands in the message of a violation, for example "((token[t]==0)||I4_ONE_CLAIM)". */
#define MUST(promise, condition) assert((condition) || promise)
