# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_butlerctl_global_optspecs
    string join \n color= q/quiet v/verbose h/help V/version
end

function __fish_butlerctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_butlerctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_butlerctl_using_subcommand
    set -l cmd (__fish_butlerctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c butlerctl -n "__fish_butlerctl_needs_command" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butlerctl -n "__fish_butlerctl_needs_command" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butlerctl -n "__fish_butlerctl_needs_command" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butlerctl -n "__fish_butlerctl_needs_command" -s h -l help -d 'Print help'
complete -c butlerctl -n "__fish_butlerctl_needs_command" -s V -l version -d 'Print version'
complete -c butlerctl -n "__fish_butlerctl_needs_command" -f -a "completion" -d 'Print a completion script for a shell'
complete -c butlerctl -n "__fish_butlerctl_needs_command" -f -a "version" -d 'Print the version, and what new clusters run by default'
complete -c butlerctl -n "__fish_butlerctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand completion" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butlerctl -n "__fish_butlerctl_using_subcommand completion" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand completion" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand completion" -s h -l help -d 'Print help'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand version" -s o -l output -d 'Format of the answer on stdout: table, wide, json, yaml or name' -r -f -a "table\t'A table for people'
wide\t'A table with more columns'
json\t'Indented JSON, for programs'
yaml\t'YAML, for programs and for people who edit it'
name\t'Names only, one per line'"
complete -c butlerctl -n "__fish_butlerctl_using_subcommand version" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butlerctl -n "__fish_butlerctl_using_subcommand version" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand version" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand version" -s h -l help -d 'Print help'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand help; and not __fish_seen_subcommand_from completion version help" -f -a "completion" -d 'Print a completion script for a shell'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand help; and not __fish_seen_subcommand_from completion version help" -f -a "version" -d 'Print the version, and what new clusters run by default'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand help; and not __fish_seen_subcommand_from completion version help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
