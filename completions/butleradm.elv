
use builtin;
use str;

set edit:completion:arg-completer[butleradm] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'butleradm'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'butleradm'= {
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand bootstrap 'Make a management cluster, or continue where an earlier run stopped'
            cand destroy 'Take away everything of a management cluster, and prove that it is gone'
            cand gc 'Take away what carries a Butler marker and belongs to no living cluster'
            cand attach 'Show a run that another terminal started, or the last one'
            cand cancel 'End the run that works on a cluster, cleanly'
            cand why 'Tell what an operation waits for, and why it is not so'
            cand replay 'Show a run again, from its events'
            cand inmemory 'The simulated world: machines, Talos and Kubernetes on this computer'
            cand embedded 'The API server that the bootstrap uses, on its own'
            cand completion 'Print a completion script for a shell'
            cand version 'Print the version, and what new clusters run by default'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'butleradm;bootstrap'= {
            cand -c 'Bootstrap configuration'
            cand --config 'Bootstrap configuration'
            cand --out 'With --dry-run: save the plan, for --plan'
            cand --plan 'Carry out this saved plan, or nothing: refuse when it does not hold any more'
            cand -o 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --output 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --events 'Write the event stream (NDJSON) to this file; - is stdout'
            cand --deadline 'Stop waiting after this time (90s, 10m, 1h30m); the same command goes on later'
            cand --bootstrap-cluster 'Where the record lives until the pivot: embedded, kind or existing; in place of what the configuration says'
            cand --ci 'Write sections, annotations and a summary for a CI system: auto, github, gitlab or none'
            cand --color 'When to use colour: auto, always or never'
            cand --dry-run 'Print the plan and touch nothing'
            cand --check 'With --dry-run: fail (exit 1) where a check failed'
            cand --keep-bootstrap-cluster 'Keep the bootstrap cluster after the pivot'
            cand --skip-cleanup 'Keep the bootstrap cluster after the pivot'
            cand --no-progress 'Print lines instead of a live view'
            cand --no-tui 'Print lines instead of a live view'
            cand --detach 'Start it in a session of its own and return; butleradm attach shows it'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
            cand schema 'Print the JSON schema of the bootstrap configuration, for editors'
            cand list 'List the clusters of this home: how far each is, how its last run ended, and who works on it'
            cand export 'Hand a cluster over to another home: write its state into an encrypted archive'
            cand import 'Take a cluster over from another home'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'butleradm;bootstrap;schema'= {
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;bootstrap;list'= {
            cand -o 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --output 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;bootstrap;export'= {
            cand --to 'File to write the archive to; - is stdout'
            cand --passphrase-file 'File with the passphrase of the archive; BUTLER_PASSPHRASE_FILE names one too'
            cand --recipient 'Encrypt for the holder of this age key instead (age1...); may be given several times'
            cand --recipients-file 'Encrypt for the age keys in this file, one in a line'
            cand -o 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --output 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --color 'When to use colour: auto, always or never'
            cand --force 'Replace a file that is there'
            cand --passphrase-stdin 'Read the passphrase of the archive from standard input'
            cand --undo 'Go on here after all: take an export back that nobody has imported'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;bootstrap;import'= {
            cand --passphrase-file 'File with the passphrase of the archive; BUTLER_PASSPHRASE_FILE names one too'
            cand --identity 'Open it with the age keys in this file, as age-keygen writes them; may be given several times'
            cand -o 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --output 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --color 'When to use colour: auto, always or never'
            cand --passphrase-stdin 'Read the passphrase of the archive from standard input'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;bootstrap;help'= {
            cand schema 'Print the JSON schema of the bootstrap configuration, for editors'
            cand list 'List the clusters of this home: how far each is, how its last run ended, and who works on it'
            cand export 'Hand a cluster over to another home: write its state into an encrypted archive'
            cand import 'Take a cluster over from another home'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'butleradm;bootstrap;help;schema'= {
        }
        &'butleradm;bootstrap;help;list'= {
        }
        &'butleradm;bootstrap;help;export'= {
        }
        &'butleradm;bootstrap;help;import'= {
        }
        &'butleradm;bootstrap;help;help'= {
        }
        &'butleradm;destroy'= {
            cand -c 'Bootstrap configuration; without it the journal of the bootstrap tells the platform'
            cand --config 'Bootstrap configuration; without it the journal of the bootstrap tells the platform'
            cand --provider-config 'File with `provider` and `providerConfig` only'
            cand --cluster-id 'Identity of the cluster, where several have its name'
            cand --confirm 'The name of the cluster once more'
            cand --events 'Write the event stream (NDJSON) to this file; - is stdout'
            cand --deadline 'Stop waiting after this time (90s, 10m, 1h30m); the same command goes on later'
            cand --ci 'Write sections, annotations and a summary for a CI system: auto, github, gitlab or none'
            cand -o 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --output 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --color 'When to use colour: auto, always or never'
            cand --dry-run 'Print what exists, what would go and what would stay; change nothing'
            cand -y 'Do not ask; needs --confirm as well'
            cand --yes 'Do not ask; needs --confirm as well'
            cand --with-tenants 'Delete its tenant clusters too'
            cand --no-progress 'Print lines instead of a live view'
            cand --no-tui 'Print lines instead of a live view'
            cand --detach 'Start it in a session of its own and return; butleradm attach shows it'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;gc'= {
            cand -c 'Bootstrap configuration; without it the journal of the bootstrap tells the platform'
            cand --config 'Bootstrap configuration; without it the journal of the bootstrap tells the platform'
            cand --provider-config 'File with `provider` and `providerConfig` only'
            cand --older-than 'Leave what is younger (12h, 7d)'
            cand --events 'Write the event stream (NDJSON) to this file; - is stdout'
            cand --deadline 'Stop waiting after this time (90s, 10m, 1h30m); the same command goes on later'
            cand --ci 'Write sections, annotations and a summary for a CI system: auto, github, gitlab or none'
            cand -o 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --output 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --color 'When to use colour: auto, always or never'
            cand --dry-run 'Print what would go and what stays; change nothing'
            cand -y 'Do not ask; without it nothing goes'
            cand --yes 'Do not ask; without it nothing goes'
            cand --no-progress 'Print lines instead of a live view'
            cand --no-tui 'Print lines instead of a live view'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;attach'= {
            cand --color 'When to use colour: auto, always or never'
            cand --no-progress 'Print lines instead of a live view'
            cand --no-tui 'Print lines instead of a live view'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;cancel'= {
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;why'= {
            cand --step 'Only this step, for example node/mgmt-cp-0/ready'
            cand -o 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --output 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --color 'When to use colour: auto, always or never'
            cand --no-look 'Tell only what the run saw; do not look again at what a stopped one waited for'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;replay'= {
            cand --speed 'So many times faster than it happened; 0 is as fast as possible, and the default where nobody looks'
            cand --until 'Stop after the event of this number'
            cand --color 'When to use colour: auto, always or never'
            cand --no-progress 'Print lines instead of a live view'
            cand --no-tui 'Print lines instead of a live view'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;inmemory'= {
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
            cand up 'Start the simulated world, unless it runs'
            cand status 'Print what is in the simulated world'
            cand down 'End the simulated world and everything in it'
            cand approve 'Approve a login that waits at a simulated Butler server, as its person would in a browser'
            cand deny 'Deny a login that waits at a simulated Butler server'
            cand serve 'Run the simulated world in this process'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'butleradm;inmemory;up'= {
            cand --world 'Latencies and faults (YAML)'
            cand --static 'Machines without owner that wait in maintenance mode'
            cand -o 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --output 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;inmemory;status'= {
            cand -o 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --output 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;inmemory;down'= {
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;inmemory;approve'= {
            cand --as 'For whom: a user name or an e-mail address'
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;inmemory;deny'= {
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;inmemory;serve'= {
            cand --world 'Latencies and faults (YAML)'
            cand --static 'Machines without owner that wait in maintenance mode'
            cand --state 'Folder of the state'
            cand --color 'When to use colour: auto, always or never'
            cand --detached 'Leave the session of the caller'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;inmemory;help'= {
            cand up 'Start the simulated world, unless it runs'
            cand status 'Print what is in the simulated world'
            cand down 'End the simulated world and everything in it'
            cand approve 'Approve a login that waits at a simulated Butler server, as its person would in a browser'
            cand deny 'Deny a login that waits at a simulated Butler server'
            cand serve 'Run the simulated world in this process'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'butleradm;inmemory;help;up'= {
        }
        &'butleradm;inmemory;help;status'= {
        }
        &'butleradm;inmemory;help;down'= {
        }
        &'butleradm;inmemory;help;approve'= {
        }
        &'butleradm;inmemory;help;deny'= {
        }
        &'butleradm;inmemory;help;serve'= {
        }
        &'butleradm;inmemory;help;help'= {
        }
        &'butleradm;embedded'= {
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
            cand serve 'Serve a Kubernetes-compatible API from a folder, until Ctrl-C or SIGTERM'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'butleradm;embedded;serve'= {
            cand --data 'Folder of the objects; made if missing'
            cand --kubeconfig 'Where to write an administrator''s kubeconfig once the server answers'
            cand --listen 'Address to listen on; port 0 takes a free one'
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;embedded;help'= {
            cand serve 'Serve a Kubernetes-compatible API from a folder, until Ctrl-C or SIGTERM'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'butleradm;embedded;help;serve'= {
        }
        &'butleradm;embedded;help;help'= {
        }
        &'butleradm;completion'= {
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;version'= {
            cand -o 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --output 'Format of the answer on stdout: table, wide, json, yaml or name'
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butleradm;help'= {
            cand bootstrap 'Make a management cluster, or continue where an earlier run stopped'
            cand destroy 'Take away everything of a management cluster, and prove that it is gone'
            cand gc 'Take away what carries a Butler marker and belongs to no living cluster'
            cand attach 'Show a run that another terminal started, or the last one'
            cand cancel 'End the run that works on a cluster, cleanly'
            cand why 'Tell what an operation waits for, and why it is not so'
            cand replay 'Show a run again, from its events'
            cand inmemory 'The simulated world: machines, Talos and Kubernetes on this computer'
            cand embedded 'The API server that the bootstrap uses, on its own'
            cand completion 'Print a completion script for a shell'
            cand version 'Print the version, and what new clusters run by default'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'butleradm;help;bootstrap'= {
            cand schema 'Print the JSON schema of the bootstrap configuration, for editors'
            cand list 'List the clusters of this home: how far each is, how its last run ended, and who works on it'
            cand export 'Hand a cluster over to another home: write its state into an encrypted archive'
            cand import 'Take a cluster over from another home'
        }
        &'butleradm;help;bootstrap;schema'= {
        }
        &'butleradm;help;bootstrap;list'= {
        }
        &'butleradm;help;bootstrap;export'= {
        }
        &'butleradm;help;bootstrap;import'= {
        }
        &'butleradm;help;destroy'= {
        }
        &'butleradm;help;gc'= {
        }
        &'butleradm;help;attach'= {
        }
        &'butleradm;help;cancel'= {
        }
        &'butleradm;help;why'= {
        }
        &'butleradm;help;replay'= {
        }
        &'butleradm;help;inmemory'= {
            cand up 'Start the simulated world, unless it runs'
            cand status 'Print what is in the simulated world'
            cand down 'End the simulated world and everything in it'
            cand approve 'Approve a login that waits at a simulated Butler server, as its person would in a browser'
            cand deny 'Deny a login that waits at a simulated Butler server'
            cand serve 'Run the simulated world in this process'
        }
        &'butleradm;help;inmemory;up'= {
        }
        &'butleradm;help;inmemory;status'= {
        }
        &'butleradm;help;inmemory;down'= {
        }
        &'butleradm;help;inmemory;approve'= {
        }
        &'butleradm;help;inmemory;deny'= {
        }
        &'butleradm;help;inmemory;serve'= {
        }
        &'butleradm;help;embedded'= {
            cand serve 'Serve a Kubernetes-compatible API from a folder, until Ctrl-C or SIGTERM'
        }
        &'butleradm;help;embedded;serve'= {
        }
        &'butleradm;help;completion'= {
        }
        &'butleradm;help;version'= {
        }
        &'butleradm;help;help'= {
        }
    ]
    $completions[$command]
}
