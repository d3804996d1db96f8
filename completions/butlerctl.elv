
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
            cand version 'Print the version, and what new clusters run by default'
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
        &'butlerctl;help'= {
            cand completion 'Print a completion script for a shell'
            cand version 'Print the version, and what new clusters run by default'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'butlerctl;help;completion'= {
        }
        &'butlerctl;help;version'= {
        }
        &'butlerctl;help;help'= {
        }
    ]
    $completions[$command]
}
