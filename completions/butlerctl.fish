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
complete -c butlerctl -n "__fish_butlerctl_needs_command" -f -a "context" -d 'Choose the server and the team that commands use'
complete -c butlerctl -n "__fish_butlerctl_needs_command" -f -a "login" -d 'Log in to a Butler server'
complete -c butlerctl -n "__fish_butlerctl_needs_command" -f -a "logout" -d 'Forget the login on a server'
complete -c butlerctl -n "__fish_butlerctl_needs_command" -f -a "version" -d 'Print the version, and what new clusters run by default'
complete -c butlerctl -n "__fish_butlerctl_needs_command" -f -a "whoami" -d 'Show who is logged in, where, and until when'
complete -c butlerctl -n "__fish_butlerctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand completion" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butlerctl -n "__fish_butlerctl_using_subcommand completion" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand completion" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand completion" -s h -l help -d 'Print help'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and not __fish_seen_subcommand_from list use current help" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and not __fish_seen_subcommand_from list use current help" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and not __fish_seen_subcommand_from list use current help" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and not __fish_seen_subcommand_from list use current help" -s h -l help -d 'Print help'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and not __fish_seen_subcommand_from list use current help" -f -a "list" -d 'List servers and teams'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and not __fish_seen_subcommand_from list use current help" -f -a "use" -d 'Use another server, or another team on it'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and not __fish_seen_subcommand_from list use current help" -f -a "current" -d 'Print the server and the team that commands use'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and not __fish_seen_subcommand_from list use current help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from list" -s o -l output -d 'Format of the answer on stdout: table, wide, json, yaml or name' -r -f -a "table\t'A table for people'
wide\t'A table with more columns'
json\t'Indented JSON, for programs'
yaml\t'YAML, for programs and for people who edit it'
name\t'Names only, one per line'"
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from list" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from use" -l server -d 'Address of the server; without it the one of the active context' -r
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from use" -l team -d 'The team to use on it from now on' -r
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from use" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from use" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from use" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from use" -s h -l help -d 'Print help'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from current" -s o -l output -d 'Format of the answer on stdout: table, wide, json, yaml or name' -r -f -a "table\t'A table for people'
wide\t'A table with more columns'
json\t'Indented JSON, for programs'
yaml\t'YAML, for programs and for people who edit it'
name\t'Names only, one per line'"
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from current" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from current" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from current" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from current" -s h -l help -d 'Print help'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from help" -f -a "list" -d 'List servers and teams'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from help" -f -a "use" -d 'Use another server, or another team on it'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from help" -f -a "current" -d 'Print the server and the team that commands use'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand context; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand login" -l server -d 'Address of the server; without it the one of the active context' -r
complete -c butlerctl -n "__fish_butlerctl_using_subcommand login" -l ca-file -d 'File with the authority of the server\'s certificate (PEM)' -r -F
complete -c butlerctl -n "__fish_butlerctl_using_subcommand login" -l user -d 'Log in as this user, with a password' -r
complete -c butlerctl -n "__fish_butlerctl_using_subcommand login" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butlerctl -n "__fish_butlerctl_using_subcommand login" -l insecure-http -d 'Allow a server that is not encrypted'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand login" -l no-browser -d 'Do not open a browser'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand login" -l password-stdin -d 'Read the password of --user from standard input'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand login" -l token-stdin -d 'Read a session token of the server from standard input'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand login" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand login" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand login" -s h -l help -d 'Print help'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand logout" -l server -d 'Address of the server; without it the one of the active context' -r
complete -c butlerctl -n "__fish_butlerctl_using_subcommand logout" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butlerctl -n "__fish_butlerctl_using_subcommand logout" -l all -d 'Forget the logins on all servers'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand logout" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand logout" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand logout" -s h -l help -d 'Print help'
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
complete -c butlerctl -n "__fish_butlerctl_using_subcommand whoami" -l server -d 'Address of the server; without it the one of the active context' -r
complete -c butlerctl -n "__fish_butlerctl_using_subcommand whoami" -s o -l output -d 'Format of the answer on stdout: table, wide, json, yaml or name' -r -f -a "table\t'A table for people'
wide\t'A table with more columns'
json\t'Indented JSON, for programs'
yaml\t'YAML, for programs and for people who edit it'
name\t'Names only, one per line'"
complete -c butlerctl -n "__fish_butlerctl_using_subcommand whoami" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butlerctl -n "__fish_butlerctl_using_subcommand whoami" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand whoami" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand whoami" -s h -l help -d 'Print help'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand help; and not __fish_seen_subcommand_from completion context login logout version whoami help" -f -a "completion" -d 'Print a completion script for a shell'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand help; and not __fish_seen_subcommand_from completion context login logout version whoami help" -f -a "context" -d 'Choose the server and the team that commands use'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand help; and not __fish_seen_subcommand_from completion context login logout version whoami help" -f -a "login" -d 'Log in to a Butler server'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand help; and not __fish_seen_subcommand_from completion context login logout version whoami help" -f -a "logout" -d 'Forget the login on a server'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand help; and not __fish_seen_subcommand_from completion context login logout version whoami help" -f -a "version" -d 'Print the version, and what new clusters run by default'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand help; and not __fish_seen_subcommand_from completion context login logout version whoami help" -f -a "whoami" -d 'Show who is logged in, where, and until when'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand help; and not __fish_seen_subcommand_from completion context login logout version whoami help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand help; and __fish_seen_subcommand_from context" -f -a "list" -d 'List servers and teams'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand help; and __fish_seen_subcommand_from context" -f -a "use" -d 'Use another server, or another team on it'
complete -c butlerctl -n "__fish_butlerctl_using_subcommand help; and __fish_seen_subcommand_from context" -f -a "current" -d 'Print the server and the team that commands use'
