# Completion of cresset(1) and th(1) for bash.

_cresset_files() {
  local IFS=$'\n'
  compopt -o filenames
  COMPREPLY=($(compgen -f -X '!*.lua' -- "$1") $(compgen -d -- "$1"))
}

_cresset_runs() {
  case $2 in
    -o) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$1"); return ;;
    --metric | --max | --min) return ;;
    --sort) mapfile -t COMPREPLY < <(compgen -W "name started duration steps" -- "$1"); return ;;
  esac
  if [[ $1 == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "--metric --sort --reverse --max --min --plot --log -o --diff --csv --json
      -h --help" -- "$1")
  else
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -d -- "$1")
  fi
}

_cresset() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]##*/} i
  COMPREPLY=()
  if [[ $program != th && $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} == runs ]]; then
    _cresset_runs "$current" "$previous"
    return
  fi
  # The words of a script are its own: files.
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      -e | -l) ((i++)) ;;
      -?*) ;;
      *) compopt -o default; return ;;
    esac
  done
  case $previous in
    -e) return ;;
    -l)
      mapfile -t COMPREPLY < <(compgen -W "torch nn nngraph optim autograd data train tune image threads runs
        tensorboard json plot gnuplot xlua paths sys lfs" -- "$current")
      return ;;
  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "-e -l -i - --no-init --debug --torch7 -v --version -h --help" -- "$current")
    return
  fi
  _cresset_files "$current"
  if [[ $program != th && $COMP_CWORD -eq 1 && runs == "$current"* ]]; then COMPREPLY+=(runs); fi
}

complete -F _cresset cresset th
