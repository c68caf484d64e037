# Completion of cresset(1) and th(1) for fish.

function __cresset_in_runs
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test (basename $words[1]) = cresset; and test $words[2] = runs
end

# Before the script: its own words come after it.
function __cresset_no_script
    __cresset_in_runs; and return 1
    set -l words (commandline -opc)
    set -l skip 1
    for word in $words
        if test $skip = 1
            set skip 0
        else if contains -- $word -e -l
            set skip 1
        else if not string match -q -- '-?*' $word
            return 1
        end
    end
    return 0
end

for program in cresset th
    complete -c $program -n __cresset_no_script -f -a '(__fish_complete_suffix .lua)'
    complete -c $program -n __cresset_no_script -s e -x -d 'run the code'
    complete -c $program -n __cresset_no_script -s l -x -d 'require the module and make it global' \
        -a 'torch nn nngraph optim autograd data train tune image threads runs tensorboard json plot gnuplot xlua paths sys lfs'
    complete -c $program -n __cresset_no_script -s i -d 'the prompt after what else there is to run'
    complete -c $program -n __cresset_no_script -l no-init -d 'no start-up file before the prompt'
    complete -c $program -n __cresset_no_script -l debug -d 'open the debugger after an error'
    complete -c $program -n __cresset_no_script -l torch7 -d 'behave as Torch7\'s th did'
    complete -c $program -n __cresset_no_script -s v -l version -d 'print the version'
    complete -c $program -n __cresset_no_script -s h -l help -d 'print the options'
end

complete -c cresset -n '__cresset_no_script; and test (count (commandline -opc)) = 1' -f -a runs \
    -d 'list, compare and plot the runs of a folder'
complete -c cresset -n __cresset_in_runs -l metric -x -d 'these metrics'
complete -c cresset -n __cresset_in_runs -l sort -x -a 'name started duration steps' -d 'by a metric, an option, or one of these'
complete -c cresset -n __cresset_in_runs -l reverse -d 'the other way round'
complete -c cresset -n __cresset_in_runs -l max -x -d 'metrics of which more is better'
complete -c cresset -n __cresset_in_runs -l min -x -d 'metrics of which less is better'
complete -c cresset -n __cresset_in_runs -l plot -d 'the curves on the terminal'
complete -c cresset -n __cresset_in_runs -l log -d 'with a logarithmic axis'
complete -c cresset -n __cresset_in_runs -s o -r -d 'the curves as a picture'
complete -c cresset -n __cresset_in_runs -l diff -d 'in what the runs differ'
complete -c cresset -n __cresset_in_runs -l csv -d 'the table for other programs'
complete -c cresset -n __cresset_in_runs -l json -d 'the table for other programs'
complete -c cresset -n __cresset_in_runs -s h -l help -d 'print the options'
