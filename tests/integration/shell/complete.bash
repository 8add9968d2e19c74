# Usage: bash complete.bash SCRIPT WORD...: what SCRIPT offers for the last word, one a line. The words are cut at
# '=' and ':' as Readline does it.
source "$1"
shift
COMP_WORDS=() piece=''
for word in "$@"; do
  while [[ $word =~ ^([^=:]*)([=:])(.*)$ ]]; do
    piece="${BASH_REMATCH[1]}"
    [[ -z $piece ]] || COMP_WORDS+=("$piece")
    COMP_WORDS+=("${BASH_REMATCH[2]}")
    word="${BASH_REMATCH[3]}"
    piece=cut
  done
  [[ -z $word && $piece == cut ]] || COMP_WORDS+=("$word")
  piece=''
done
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
registered="$(complete -p "$1")"
read -r _ _ function _ <<<"$registered"
"$function"
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
