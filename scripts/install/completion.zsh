#compdef cresset th
# Completion of cresset(1) and th(1) for zsh.

_cresset_runs() {
  _arguments -S \
    '--metric[these metrics]:metrics' \
    '--sort[by a metric, an option, or one of these]:key:(name started duration steps)' \
    '--reverse[the other way round]' \
    '--max[metrics of which more is better]:metrics' \
    '--min[metrics of which less is better]:metrics' \
    '--plot[the curves on the terminal]' \
    '--log[with a logarithmic axis]' \
    '-o[the curves as a picture]:file:_files' \
    '--diff[in what the runs differ]' \
    '(--json)--csv[the table for other programs]' \
    '(--csv)--json[the table for other programs]' \
    '(- *)'{-h,--help}'[print the options]' \
    '1:folder of runs:_files -/' \
    '*:run'
}

_cresset_first() {
  [[ $service != th ]] && compadd runs
  _files -g '*.lua(-.)'
}

_cresset() {
  if [[ $service != th && $words[2] == runs && CURRENT -gt 2 ]]; then
    shift words
    (( CURRENT-- ))
    _cresset_runs
    return
  fi
  _arguments -S -A '-?*' \
    '*-e[run the code]:code' \
    '*-l[require the module and make it global]:module:(torch nn nngraph optim autograd data train tune image threads runs tensorboard json plot gnuplot xlua paths sys lfs)' \
    '-i[the prompt after what else there is to run]' \
    '--no-init[no start-up file before the prompt]' \
    '--debug[open the debugger after an error]' \
    '--torch7[behave as Torch7'\''s th did]' \
    '(- *)'{-v,--version}'[print the version]' \
    '(- *)'{-h,--help}'[print the options]' \
    '1:script:_cresset_first' \
    '*::arguments:_files'
}

_cresset "$@"
