# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_butleradm_global_optspecs
    string join \n color= q/quiet v/verbose h/help V/version
end

function __fish_butleradm_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_butleradm_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_butleradm_using_subcommand
    set -l cmd (__fish_butleradm_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c butleradm -n "__fish_butleradm_needs_command" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_needs_command" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_needs_command" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_needs_command" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_needs_command" -s V -l version -d 'Print version'
complete -c butleradm -n "__fish_butleradm_needs_command" -f -a "bootstrap" -d 'Make a management cluster, or continue where an earlier run stopped'
complete -c butleradm -n "__fish_butleradm_needs_command" -f -a "destroy" -d 'Take away everything of a management cluster, and prove that it is gone'
complete -c butleradm -n "__fish_butleradm_needs_command" -f -a "gc" -d 'Take away what carries a Butler marker and belongs to no living cluster'
complete -c butleradm -n "__fish_butleradm_needs_command" -f -a "attach" -d 'Show a run that another terminal started, or the last one'
complete -c butleradm -n "__fish_butleradm_needs_command" -f -a "cancel" -d 'End the run that works on a cluster, cleanly'
complete -c butleradm -n "__fish_butleradm_needs_command" -f -a "why" -d 'Tell what an operation waits for, and why it is not so'
complete -c butleradm -n "__fish_butleradm_needs_command" -f -a "replay" -d 'Show a run again, from its events'
complete -c butleradm -n "__fish_butleradm_needs_command" -f -a "inmemory" -d 'The simulated world: machines, Talos and Kubernetes on this computer'
complete -c butleradm -n "__fish_butleradm_needs_command" -f -a "embedded" -d 'The API server that the bootstrap uses, on its own'
complete -c butleradm -n "__fish_butleradm_needs_command" -f -a "completion" -d 'Print a completion script for a shell'
complete -c butleradm -n "__fish_butleradm_needs_command" -f -a "version" -d 'Print the version, and what new clusters run by default'
complete -c butleradm -n "__fish_butleradm_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -s c -l config -d 'Bootstrap configuration' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -l out -d 'With --dry-run: save the plan, for --plan' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -l plan -d 'Carry out this saved plan, or nothing: refuse when it does not hold any more' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -s o -l output -d 'Format of the answer on stdout: table, wide, json, yaml or name' -r -f -a "table\t'A table for people'
wide\t'A table with more columns'
json\t'Indented JSON, for programs'
yaml\t'YAML, for programs and for people who edit it'
name\t'Names only, one per line'"
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -l events -d 'Write the event stream (NDJSON) to this file; - is stdout' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -l deadline -d 'Stop waiting after this time (90s, 10m, 1h30m); the same command goes on later' -r
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -l bootstrap-cluster -d 'Where the record lives until the pivot: embedded, kind or existing; in place of what the configuration says' -r -f -a "embedded\t'The API server inside of this program'
kind\t'A kind cluster on docker or podman'
existing\t'The cluster of the configuration, or else of KUBECONFIG'"
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -l ci -d 'Write sections, annotations and a summary for a CI system: auto, github, gitlab or none' -r -f -a "auto\t'What the environment tells'
github\t'GitHub Actions'
gitlab\t'GitLab CI'
none\t'No CI system'"
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -l dry-run -d 'Print the plan and touch nothing'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -l check -d 'With --dry-run: fail (exit 1) where a check failed'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -l keep-bootstrap-cluster -l skip-cleanup -d 'Keep the bootstrap cluster after the pivot'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -l no-progress -l no-tui -d 'Print lines instead of a live view'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -l detach -d 'Start it in a session of its own and return; butleradm attach shows it'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -a "schema" -d 'Print the JSON schema of the bootstrap configuration, for editors'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -a "list" -d 'List the clusters of this home: how far each is, how its last run ended, and who works on it'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -a "export" -d 'Hand a cluster over to another home: write its state into an encrypted archive'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -a "import" -d 'Take a cluster over from another home'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and not __fish_seen_subcommand_from schema list export import help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from schema" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from schema" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from schema" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from list" -s o -l output -d 'Format of the answer on stdout: table, wide, json, yaml or name' -r -f -a "table\t'A table for people'
wide\t'A table with more columns'
json\t'Indented JSON, for programs'
yaml\t'YAML, for programs and for people who edit it'
name\t'Names only, one per line'"
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from list" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from export" -l to -d 'File to write the archive to; - is stdout' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from export" -l passphrase-file -d 'File with the passphrase of the archive; BUTLER_PASSPHRASE_FILE names one too' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from export" -l recipient -d 'Encrypt for the holder of this age key instead (age1...); may be given several times' -r
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from export" -l recipients-file -d 'Encrypt for the age keys in this file, one in a line' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from export" -s o -l output -d 'Format of the answer on stdout: table, wide, json, yaml or name' -r -f -a "table\t'A table for people'
wide\t'A table with more columns'
json\t'Indented JSON, for programs'
yaml\t'YAML, for programs and for people who edit it'
name\t'Names only, one per line'"
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from export" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from export" -l force -d 'Replace a file that is there'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from export" -l passphrase-stdin -d 'Read the passphrase of the archive from standard input'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from export" -l undo -d 'Go on here after all: take an export back that nobody has imported'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from export" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from export" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from import" -l passphrase-file -d 'File with the passphrase of the archive; BUTLER_PASSPHRASE_FILE names one too' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from import" -l identity -d 'Open it with the age keys in this file, as age-keygen writes them; may be given several times' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from import" -s o -l output -d 'Format of the answer on stdout: table, wide, json, yaml or name' -r -f -a "table\t'A table for people'
wide\t'A table with more columns'
json\t'Indented JSON, for programs'
yaml\t'YAML, for programs and for people who edit it'
name\t'Names only, one per line'"
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from import" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from import" -l passphrase-stdin -d 'Read the passphrase of the archive from standard input'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from import" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from import" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from help" -f -a "schema" -d 'Print the JSON schema of the bootstrap configuration, for editors'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the clusters of this home: how far each is, how its last run ended, and who works on it'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from help" -f -a "export" -d 'Hand a cluster over to another home: write its state into an encrypted archive'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from help" -f -a "import" -d 'Take a cluster over from another home'
complete -c butleradm -n "__fish_butleradm_using_subcommand bootstrap; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -s c -l config -d 'Bootstrap configuration; without it the journal of the bootstrap tells the platform' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -l provider-config -d 'File with `provider` and `providerConfig` only' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -l cluster-id -d 'Identity of the cluster, where several have its name' -r
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -l confirm -d 'The name of the cluster once more' -r
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -l events -d 'Write the event stream (NDJSON) to this file; - is stdout' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -l deadline -d 'Stop waiting after this time (90s, 10m, 1h30m); the same command goes on later' -r
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -l ci -d 'Write sections, annotations and a summary for a CI system: auto, github, gitlab or none' -r -f -a "auto\t'What the environment tells'
github\t'GitHub Actions'
gitlab\t'GitLab CI'
none\t'No CI system'"
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -s o -l output -d 'Format of the answer on stdout: table, wide, json, yaml or name' -r -f -a "table\t'A table for people'
wide\t'A table with more columns'
json\t'Indented JSON, for programs'
yaml\t'YAML, for programs and for people who edit it'
name\t'Names only, one per line'"
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -l dry-run -d 'Print what exists, what would go and what would stay; change nothing'
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -s y -l yes -d 'Do not ask; needs --confirm as well'
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -l with-tenants -d 'Delete its tenant clusters too'
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -l no-progress -l no-tui -d 'Print lines instead of a live view'
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -l detach -d 'Start it in a session of its own and return; butleradm attach shows it'
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand destroy" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand gc" -s c -l config -d 'Bootstrap configuration; without it the journal of the bootstrap tells the platform' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand gc" -l provider-config -d 'File with `provider` and `providerConfig` only' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand gc" -l older-than -d 'Leave what is younger (12h, 7d)' -r
complete -c butleradm -n "__fish_butleradm_using_subcommand gc" -l events -d 'Write the event stream (NDJSON) to this file; - is stdout' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand gc" -l deadline -d 'Stop waiting after this time (90s, 10m, 1h30m); the same command goes on later' -r
complete -c butleradm -n "__fish_butleradm_using_subcommand gc" -l ci -d 'Write sections, annotations and a summary for a CI system: auto, github, gitlab or none' -r -f -a "auto\t'What the environment tells'
github\t'GitHub Actions'
gitlab\t'GitLab CI'
none\t'No CI system'"
complete -c butleradm -n "__fish_butleradm_using_subcommand gc" -s o -l output -d 'Format of the answer on stdout: table, wide, json, yaml or name' -r -f -a "table\t'A table for people'
wide\t'A table with more columns'
json\t'Indented JSON, for programs'
yaml\t'YAML, for programs and for people who edit it'
name\t'Names only, one per line'"
complete -c butleradm -n "__fish_butleradm_using_subcommand gc" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand gc" -l dry-run -d 'Print what would go and what stays; change nothing'
complete -c butleradm -n "__fish_butleradm_using_subcommand gc" -s y -l yes -d 'Do not ask; without it nothing goes'
complete -c butleradm -n "__fish_butleradm_using_subcommand gc" -l no-progress -l no-tui -d 'Print lines instead of a live view'
complete -c butleradm -n "__fish_butleradm_using_subcommand gc" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand gc" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand gc" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand attach" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand attach" -l no-progress -l no-tui -d 'Print lines instead of a live view'
complete -c butleradm -n "__fish_butleradm_using_subcommand attach" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand attach" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand attach" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand cancel" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand cancel" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand cancel" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand cancel" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand why" -l step -d 'Only this step, for example node/mgmt-cp-0/ready' -r
complete -c butleradm -n "__fish_butleradm_using_subcommand why" -s o -l output -d 'Format of the answer on stdout: table, wide, json, yaml or name' -r -f -a "table\t'A table for people'
wide\t'A table with more columns'
json\t'Indented JSON, for programs'
yaml\t'YAML, for programs and for people who edit it'
name\t'Names only, one per line'"
complete -c butleradm -n "__fish_butleradm_using_subcommand why" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand why" -l no-look -d 'Tell only what the run saw; do not look again at what a stopped one waited for'
complete -c butleradm -n "__fish_butleradm_using_subcommand why" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand why" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand why" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand replay" -l speed -d 'So many times faster than it happened; 0 is as fast as possible, and the default where nobody looks' -r
complete -c butleradm -n "__fish_butleradm_using_subcommand replay" -l until -d 'Stop after the event of this number' -r
complete -c butleradm -n "__fish_butleradm_using_subcommand replay" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand replay" -l no-progress -l no-tui -d 'Print lines instead of a live view'
complete -c butleradm -n "__fish_butleradm_using_subcommand replay" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand replay" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand replay" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and not __fish_seen_subcommand_from up status down approve deny serve help" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and not __fish_seen_subcommand_from up status down approve deny serve help" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and not __fish_seen_subcommand_from up status down approve deny serve help" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and not __fish_seen_subcommand_from up status down approve deny serve help" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and not __fish_seen_subcommand_from up status down approve deny serve help" -f -a "up" -d 'Start the simulated world, unless it runs'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and not __fish_seen_subcommand_from up status down approve deny serve help" -f -a "status" -d 'Print what is in the simulated world'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and not __fish_seen_subcommand_from up status down approve deny serve help" -f -a "down" -d 'End the simulated world and everything in it'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and not __fish_seen_subcommand_from up status down approve deny serve help" -f -a "approve" -d 'Approve a login that waits at a simulated Butler server, as its person would in a browser'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and not __fish_seen_subcommand_from up status down approve deny serve help" -f -a "deny" -d 'Deny a login that waits at a simulated Butler server'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and not __fish_seen_subcommand_from up status down approve deny serve help" -f -a "serve" -d 'Run the simulated world in this process'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and not __fish_seen_subcommand_from up status down approve deny serve help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from up" -l world -d 'Latencies and faults (YAML)' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from up" -l static -d 'Machines without owner that wait in maintenance mode' -r
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from up" -s o -l output -d 'Format of the answer on stdout: table, wide, json, yaml or name' -r -f -a "table\t'A table for people'
wide\t'A table with more columns'
json\t'Indented JSON, for programs'
yaml\t'YAML, for programs and for people who edit it'
name\t'Names only, one per line'"
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from up" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from up" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from up" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from up" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from status" -s o -l output -d 'Format of the answer on stdout: table, wide, json, yaml or name' -r -f -a "table\t'A table for people'
wide\t'A table with more columns'
json\t'Indented JSON, for programs'
yaml\t'YAML, for programs and for people who edit it'
name\t'Names only, one per line'"
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from status" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from down" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from down" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from down" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from down" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from approve" -l as -d 'For whom: a user name or an e-mail address' -r
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from approve" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from approve" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from approve" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from approve" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from deny" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from deny" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from deny" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from deny" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from serve" -l world -d 'Latencies and faults (YAML)' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from serve" -l static -d 'Machines without owner that wait in maintenance mode' -r
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from serve" -l state -d 'Folder of the state' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from serve" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from serve" -l detached -d 'Leave the session of the caller'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from serve" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from serve" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from serve" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from help" -f -a "up" -d 'Start the simulated world, unless it runs'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from help" -f -a "status" -d 'Print what is in the simulated world'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from help" -f -a "down" -d 'End the simulated world and everything in it'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from help" -f -a "approve" -d 'Approve a login that waits at a simulated Butler server, as its person would in a browser'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from help" -f -a "deny" -d 'Deny a login that waits at a simulated Butler server'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from help" -f -a "serve" -d 'Run the simulated world in this process'
complete -c butleradm -n "__fish_butleradm_using_subcommand inmemory; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and not __fish_seen_subcommand_from serve help" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and not __fish_seen_subcommand_from serve help" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and not __fish_seen_subcommand_from serve help" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and not __fish_seen_subcommand_from serve help" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and not __fish_seen_subcommand_from serve help" -f -a "serve" -d 'Serve a Kubernetes-compatible API from a folder, until Ctrl-C or SIGTERM'
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and not __fish_seen_subcommand_from serve help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and __fish_seen_subcommand_from serve" -l data -d 'Folder of the objects; made if missing' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and __fish_seen_subcommand_from serve" -l kubeconfig -d 'Where to write an administrator\'s kubeconfig once the server answers' -r -F
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and __fish_seen_subcommand_from serve" -l listen -d 'Address to listen on; port 0 takes a free one' -r
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and __fish_seen_subcommand_from serve" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and __fish_seen_subcommand_from serve" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and __fish_seen_subcommand_from serve" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and __fish_seen_subcommand_from serve" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and __fish_seen_subcommand_from help" -f -a "serve" -d 'Serve a Kubernetes-compatible API from a folder, until Ctrl-C or SIGTERM'
complete -c butleradm -n "__fish_butleradm_using_subcommand embedded; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c butleradm -n "__fish_butleradm_using_subcommand completion" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand completion" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand completion" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand completion" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand version" -s o -l output -d 'Format of the answer on stdout: table, wide, json, yaml or name' -r -f -a "table\t'A table for people'
wide\t'A table with more columns'
json\t'Indented JSON, for programs'
yaml\t'YAML, for programs and for people who edit it'
name\t'Names only, one per line'"
complete -c butleradm -n "__fish_butleradm_using_subcommand version" -l color -d 'When to use colour: auto, always or never' -r -f -a "auto\t'On a terminal, unless the environment forbids it'
always\t'Colours in files and pipes too'
never\t'No colour, whatever the terminal can show'"
complete -c butleradm -n "__fish_butleradm_using_subcommand version" -s q -l quiet -d 'Print the answer, warnings and errors only'
complete -c butleradm -n "__fish_butleradm_using_subcommand version" -s v -l verbose -d 'Print diagnostics to stderr (-vv: more)'
complete -c butleradm -n "__fish_butleradm_using_subcommand version" -s h -l help -d 'Print help'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and not __fish_seen_subcommand_from bootstrap destroy gc attach cancel why replay inmemory embedded completion version help" -f -a "bootstrap" -d 'Make a management cluster, or continue where an earlier run stopped'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and not __fish_seen_subcommand_from bootstrap destroy gc attach cancel why replay inmemory embedded completion version help" -f -a "destroy" -d 'Take away everything of a management cluster, and prove that it is gone'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and not __fish_seen_subcommand_from bootstrap destroy gc attach cancel why replay inmemory embedded completion version help" -f -a "gc" -d 'Take away what carries a Butler marker and belongs to no living cluster'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and not __fish_seen_subcommand_from bootstrap destroy gc attach cancel why replay inmemory embedded completion version help" -f -a "attach" -d 'Show a run that another terminal started, or the last one'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and not __fish_seen_subcommand_from bootstrap destroy gc attach cancel why replay inmemory embedded completion version help" -f -a "cancel" -d 'End the run that works on a cluster, cleanly'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and not __fish_seen_subcommand_from bootstrap destroy gc attach cancel why replay inmemory embedded completion version help" -f -a "why" -d 'Tell what an operation waits for, and why it is not so'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and not __fish_seen_subcommand_from bootstrap destroy gc attach cancel why replay inmemory embedded completion version help" -f -a "replay" -d 'Show a run again, from its events'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and not __fish_seen_subcommand_from bootstrap destroy gc attach cancel why replay inmemory embedded completion version help" -f -a "inmemory" -d 'The simulated world: machines, Talos and Kubernetes on this computer'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and not __fish_seen_subcommand_from bootstrap destroy gc attach cancel why replay inmemory embedded completion version help" -f -a "embedded" -d 'The API server that the bootstrap uses, on its own'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and not __fish_seen_subcommand_from bootstrap destroy gc attach cancel why replay inmemory embedded completion version help" -f -a "completion" -d 'Print a completion script for a shell'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and not __fish_seen_subcommand_from bootstrap destroy gc attach cancel why replay inmemory embedded completion version help" -f -a "version" -d 'Print the version, and what new clusters run by default'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and not __fish_seen_subcommand_from bootstrap destroy gc attach cancel why replay inmemory embedded completion version help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and __fish_seen_subcommand_from bootstrap" -f -a "schema" -d 'Print the JSON schema of the bootstrap configuration, for editors'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and __fish_seen_subcommand_from bootstrap" -f -a "list" -d 'List the clusters of this home: how far each is, how its last run ended, and who works on it'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and __fish_seen_subcommand_from bootstrap" -f -a "export" -d 'Hand a cluster over to another home: write its state into an encrypted archive'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and __fish_seen_subcommand_from bootstrap" -f -a "import" -d 'Take a cluster over from another home'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and __fish_seen_subcommand_from inmemory" -f -a "up" -d 'Start the simulated world, unless it runs'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and __fish_seen_subcommand_from inmemory" -f -a "status" -d 'Print what is in the simulated world'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and __fish_seen_subcommand_from inmemory" -f -a "down" -d 'End the simulated world and everything in it'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and __fish_seen_subcommand_from inmemory" -f -a "approve" -d 'Approve a login that waits at a simulated Butler server, as its person would in a browser'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and __fish_seen_subcommand_from inmemory" -f -a "deny" -d 'Deny a login that waits at a simulated Butler server'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and __fish_seen_subcommand_from inmemory" -f -a "serve" -d 'Run the simulated world in this process'
complete -c butleradm -n "__fish_butleradm_using_subcommand help; and __fish_seen_subcommand_from embedded" -f -a "serve" -d 'Serve a Kubernetes-compatible API from a folder, until Ctrl-C or SIGTERM'
