
use builtin;
use str;

set edit:completion:arg-completer[butlerctl] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'butlerctl'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'butlerctl'= {
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand completion 'Print a completion script for a shell'
            cand context 'Choose the server and the team that commands use'
            cand login 'Log in to a Butler server'
            cand logout 'Forget the login on a server'
            cand version 'Print the version, and what new clusters run by default'
            cand whoami 'Show who is logged in, where, and until when'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'butlerctl;completion'= {
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butlerctl;context'= {
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
            cand list 'List servers and teams'
            cand use 'Use another server, or another team on it'
            cand current 'Print the server and the team that commands use'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'butlerctl;context;list'= {
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
        &'butlerctl;context;use'= {
            cand --server 'Address of the server; without it the one of the active context'
            cand --team 'The team to use on it from now on'
            cand --color 'When to use colour: auto, always or never'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butlerctl;context;current'= {
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
        &'butlerctl;context;help'= {
            cand list 'List servers and teams'
            cand use 'Use another server, or another team on it'
            cand current 'Print the server and the team that commands use'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'butlerctl;context;help;list'= {
        }
        &'butlerctl;context;help;use'= {
        }
        &'butlerctl;context;help;current'= {
        }
        &'butlerctl;context;help;help'= {
        }
        &'butlerctl;login'= {
            cand --server 'Address of the server; without it the one of the active context'
            cand --ca-file 'File with the authority of the server''s certificate (PEM)'
            cand --user 'Log in as this user, with a password'
            cand --color 'When to use colour: auto, always or never'
            cand --insecure-http 'Allow a server that is not encrypted'
            cand --no-browser 'Do not open a browser'
            cand --password-stdin 'Read the password of --user from standard input'
            cand --token-stdin 'Read a session token of the server from standard input'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butlerctl;logout'= {
            cand --server 'Address of the server; without it the one of the active context'
            cand --color 'When to use colour: auto, always or never'
            cand --all 'Forget the logins on all servers'
            cand -q 'Print the answer, warnings and errors only'
            cand --quiet 'Print the answer, warnings and errors only'
            cand -v 'Print diagnostics to stderr (-vv: more)'
            cand --verbose 'Print diagnostics to stderr (-vv: more)'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'butlerctl;version'= {
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
        &'butlerctl;whoami'= {
            cand --server 'Address of the server; without it the one of the active context'
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
        &'butlerctl;help'= {
            cand completion 'Print a completion script for a shell'
            cand context 'Choose the server and the team that commands use'
            cand login 'Log in to a Butler server'
            cand logout 'Forget the login on a server'
            cand version 'Print the version, and what new clusters run by default'
            cand whoami 'Show who is logged in, where, and until when'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'butlerctl;help;completion'= {
        }
        &'butlerctl;help;context'= {
            cand list 'List servers and teams'
            cand use 'Use another server, or another team on it'
            cand current 'Print the server and the team that commands use'
        }
        &'butlerctl;help;context;list'= {
        }
        &'butlerctl;help;context;use'= {
        }
        &'butlerctl;help;context;current'= {
        }
        &'butlerctl;help;login'= {
        }
        &'butlerctl;help;logout'= {
        }
        &'butlerctl;help;version'= {
        }
        &'butlerctl;help;whoami'= {
        }
        &'butlerctl;help;help'= {
        }
    ]
    $completions[$command]
}
