
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'butleradm' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'butleradm'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'butleradm' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('bootstrap', 'bootstrap', [CompletionResultType]::ParameterValue, 'Make a management cluster, or continue where an earlier run stopped')
            [CompletionResult]::new('destroy', 'destroy', [CompletionResultType]::ParameterValue, 'Take away everything of a management cluster, and prove that it is gone')
            [CompletionResult]::new('gc', 'gc', [CompletionResultType]::ParameterValue, 'Take away what carries a Butler marker and belongs to no living cluster')
            [CompletionResult]::new('attach', 'attach', [CompletionResultType]::ParameterValue, 'Show a run that another terminal started, or the last one')
            [CompletionResult]::new('cancel', 'cancel', [CompletionResultType]::ParameterValue, 'End the run that works on a cluster, cleanly')
            [CompletionResult]::new('why', 'why', [CompletionResultType]::ParameterValue, 'Tell what an operation waits for, and why it is not so')
            [CompletionResult]::new('replay', 'replay', [CompletionResultType]::ParameterValue, 'Show a run again, from its events')
            [CompletionResult]::new('inmemory', 'inmemory', [CompletionResultType]::ParameterValue, 'The simulated world: machines, Talos and Kubernetes on this computer')
            [CompletionResult]::new('embedded', 'embedded', [CompletionResultType]::ParameterValue, 'The API server that the bootstrap uses, on its own')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('version', 'version', [CompletionResultType]::ParameterValue, 'Print the version, and what new clusters run by default')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'butleradm;bootstrap' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Bootstrap configuration')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Bootstrap configuration')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'With --dry-run: save the plan, for --plan')
            [CompletionResult]::new('--plan', '--plan', [CompletionResultType]::ParameterName, 'Carry out this saved plan, or nothing: refuse when it does not hold any more')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--events', '--events', [CompletionResultType]::ParameterName, 'Write the event stream (NDJSON) to this file; - is stdout')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'Stop waiting after this time (90s, 10m, 1h30m); the same command goes on later')
            [CompletionResult]::new('--bootstrap-cluster', '--bootstrap-cluster', [CompletionResultType]::ParameterName, 'Where the record lives until the pivot: embedded, kind or existing; in place of what the configuration says')
            [CompletionResult]::new('--ci', '--ci', [CompletionResultType]::ParameterName, 'Write sections, annotations and a summary for a CI system: auto, github, gitlab or none')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print the plan and touch nothing')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'With --dry-run: fail (exit 1) where a check failed')
            [CompletionResult]::new('--keep-bootstrap-cluster', '--keep-bootstrap-cluster', [CompletionResultType]::ParameterName, 'Keep the bootstrap cluster after the pivot')
            [CompletionResult]::new('--skip-cleanup', '--skip-cleanup', [CompletionResultType]::ParameterName, 'Keep the bootstrap cluster after the pivot')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Print lines instead of a live view')
            [CompletionResult]::new('--no-tui', '--no-tui', [CompletionResultType]::ParameterName, 'Print lines instead of a live view')
            [CompletionResult]::new('--detach', '--detach', [CompletionResultType]::ParameterName, 'Start it in a session of its own and return; butleradm attach shows it')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON schema of the bootstrap configuration, for editors')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the clusters of this home: how far each is, how its last run ended, and who works on it')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Hand a cluster over to another home: write its state into an encrypted archive')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Take a cluster over from another home')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'butleradm;bootstrap;schema' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;bootstrap;list' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;bootstrap;export' {
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'File to write the archive to; - is stdout')
            [CompletionResult]::new('--passphrase-file', '--passphrase-file', [CompletionResultType]::ParameterName, 'File with the passphrase of the archive; BUTLER_PASSPHRASE_FILE names one too')
            [CompletionResult]::new('--recipient', '--recipient', [CompletionResultType]::ParameterName, 'Encrypt for the holder of this age key instead (age1...); may be given several times')
            [CompletionResult]::new('--recipients-file', '--recipients-file', [CompletionResultType]::ParameterName, 'Encrypt for the age keys in this file, one in a line')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace a file that is there')
            [CompletionResult]::new('--passphrase-stdin', '--passphrase-stdin', [CompletionResultType]::ParameterName, 'Read the passphrase of the archive from standard input')
            [CompletionResult]::new('--undo', '--undo', [CompletionResultType]::ParameterName, 'Go on here after all: take an export back that nobody has imported')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;bootstrap;import' {
            [CompletionResult]::new('--passphrase-file', '--passphrase-file', [CompletionResultType]::ParameterName, 'File with the passphrase of the archive; BUTLER_PASSPHRASE_FILE names one too')
            [CompletionResult]::new('--identity', '--identity', [CompletionResultType]::ParameterName, 'Open it with the age keys in this file, as age-keygen writes them; may be given several times')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('--passphrase-stdin', '--passphrase-stdin', [CompletionResultType]::ParameterName, 'Read the passphrase of the archive from standard input')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;bootstrap;help' {
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON schema of the bootstrap configuration, for editors')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the clusters of this home: how far each is, how its last run ended, and who works on it')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Hand a cluster over to another home: write its state into an encrypted archive')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Take a cluster over from another home')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'butleradm;bootstrap;help;schema' {
            break
        }
        'butleradm;bootstrap;help;list' {
            break
        }
        'butleradm;bootstrap;help;export' {
            break
        }
        'butleradm;bootstrap;help;import' {
            break
        }
        'butleradm;bootstrap;help;help' {
            break
        }
        'butleradm;destroy' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Bootstrap configuration; without it the journal of the bootstrap tells the platform')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Bootstrap configuration; without it the journal of the bootstrap tells the platform')
            [CompletionResult]::new('--provider-config', '--provider-config', [CompletionResultType]::ParameterName, 'File with `provider` and `providerConfig` only')
            [CompletionResult]::new('--cluster-id', '--cluster-id', [CompletionResultType]::ParameterName, 'Identity of the cluster, where several have its name')
            [CompletionResult]::new('--confirm', '--confirm', [CompletionResultType]::ParameterName, 'The name of the cluster once more')
            [CompletionResult]::new('--events', '--events', [CompletionResultType]::ParameterName, 'Write the event stream (NDJSON) to this file; - is stdout')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'Stop waiting after this time (90s, 10m, 1h30m); the same command goes on later')
            [CompletionResult]::new('--ci', '--ci', [CompletionResultType]::ParameterName, 'Write sections, annotations and a summary for a CI system: auto, github, gitlab or none')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what exists, what would go and what would stay; change nothing')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask; needs --confirm as well')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask; needs --confirm as well')
            [CompletionResult]::new('--with-tenants', '--with-tenants', [CompletionResultType]::ParameterName, 'Delete its tenant clusters too')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Print lines instead of a live view')
            [CompletionResult]::new('--no-tui', '--no-tui', [CompletionResultType]::ParameterName, 'Print lines instead of a live view')
            [CompletionResult]::new('--detach', '--detach', [CompletionResultType]::ParameterName, 'Start it in a session of its own and return; butleradm attach shows it')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;gc' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Bootstrap configuration; without it the journal of the bootstrap tells the platform')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Bootstrap configuration; without it the journal of the bootstrap tells the platform')
            [CompletionResult]::new('--provider-config', '--provider-config', [CompletionResultType]::ParameterName, 'File with `provider` and `providerConfig` only')
            [CompletionResult]::new('--older-than', '--older-than', [CompletionResultType]::ParameterName, 'Leave what is younger (12h, 7d)')
            [CompletionResult]::new('--events', '--events', [CompletionResultType]::ParameterName, 'Write the event stream (NDJSON) to this file; - is stdout')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'Stop waiting after this time (90s, 10m, 1h30m); the same command goes on later')
            [CompletionResult]::new('--ci', '--ci', [CompletionResultType]::ParameterName, 'Write sections, annotations and a summary for a CI system: auto, github, gitlab or none')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what would go and what stays; change nothing')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask; without it nothing goes')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask; without it nothing goes')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Print lines instead of a live view')
            [CompletionResult]::new('--no-tui', '--no-tui', [CompletionResultType]::ParameterName, 'Print lines instead of a live view')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;attach' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Print lines instead of a live view')
            [CompletionResult]::new('--no-tui', '--no-tui', [CompletionResultType]::ParameterName, 'Print lines instead of a live view')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;cancel' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;why' {
            [CompletionResult]::new('--step', '--step', [CompletionResultType]::ParameterName, 'Only this step, for example node/mgmt-cp-0/ready')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('--no-look', '--no-look', [CompletionResultType]::ParameterName, 'Tell only what the run saw; do not look again at what a stopped one waited for')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;replay' {
            [CompletionResult]::new('--speed', '--speed', [CompletionResultType]::ParameterName, 'So many times faster than it happened; 0 is as fast as possible, and the default where nobody looks')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Stop after the event of this number')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('--no-progress', '--no-progress', [CompletionResultType]::ParameterName, 'Print lines instead of a live view')
            [CompletionResult]::new('--no-tui', '--no-tui', [CompletionResultType]::ParameterName, 'Print lines instead of a live view')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;inmemory' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('up', 'up', [CompletionResultType]::ParameterValue, 'Start the simulated world, unless it runs')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Print what is in the simulated world')
            [CompletionResult]::new('down', 'down', [CompletionResultType]::ParameterValue, 'End the simulated world and everything in it')
            [CompletionResult]::new('approve', 'approve', [CompletionResultType]::ParameterValue, 'Approve a login that waits at a simulated Butler server, as its person would in a browser')
            [CompletionResult]::new('deny', 'deny', [CompletionResultType]::ParameterValue, 'Deny a login that waits at a simulated Butler server')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Run the simulated world in this process')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'butleradm;inmemory;up' {
            [CompletionResult]::new('--world', '--world', [CompletionResultType]::ParameterName, 'Latencies and faults (YAML)')
            [CompletionResult]::new('--static', '--static', [CompletionResultType]::ParameterName, 'Machines without owner that wait in maintenance mode')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;inmemory;status' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;inmemory;down' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;inmemory;approve' {
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'For whom: a user name or an e-mail address')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;inmemory;deny' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;inmemory;serve' {
            [CompletionResult]::new('--world', '--world', [CompletionResultType]::ParameterName, 'Latencies and faults (YAML)')
            [CompletionResult]::new('--static', '--static', [CompletionResultType]::ParameterName, 'Machines without owner that wait in maintenance mode')
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'Folder of the state')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('--detached', '--detached', [CompletionResultType]::ParameterName, 'Leave the session of the caller')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;inmemory;help' {
            [CompletionResult]::new('up', 'up', [CompletionResultType]::ParameterValue, 'Start the simulated world, unless it runs')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Print what is in the simulated world')
            [CompletionResult]::new('down', 'down', [CompletionResultType]::ParameterValue, 'End the simulated world and everything in it')
            [CompletionResult]::new('approve', 'approve', [CompletionResultType]::ParameterValue, 'Approve a login that waits at a simulated Butler server, as its person would in a browser')
            [CompletionResult]::new('deny', 'deny', [CompletionResultType]::ParameterValue, 'Deny a login that waits at a simulated Butler server')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Run the simulated world in this process')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'butleradm;inmemory;help;up' {
            break
        }
        'butleradm;inmemory;help;status' {
            break
        }
        'butleradm;inmemory;help;down' {
            break
        }
        'butleradm;inmemory;help;approve' {
            break
        }
        'butleradm;inmemory;help;deny' {
            break
        }
        'butleradm;inmemory;help;serve' {
            break
        }
        'butleradm;inmemory;help;help' {
            break
        }
        'butleradm;embedded' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Serve a Kubernetes-compatible API from a folder, until Ctrl-C or SIGTERM')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'butleradm;embedded;serve' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'Folder of the objects; made if missing')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'Where to write an administrator''s kubeconfig once the server answers')
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Address to listen on; port 0 takes a free one')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;embedded;help' {
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Serve a Kubernetes-compatible API from a folder, until Ctrl-C or SIGTERM')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'butleradm;embedded;help;serve' {
            break
        }
        'butleradm;embedded;help;help' {
            break
        }
        'butleradm;completion' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;version' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Format of the answer on stdout: table, wide, json, yaml or name')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the answer, warnings and errors only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print diagnostics to stderr (-vv: more)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'butleradm;help' {
            [CompletionResult]::new('bootstrap', 'bootstrap', [CompletionResultType]::ParameterValue, 'Make a management cluster, or continue where an earlier run stopped')
            [CompletionResult]::new('destroy', 'destroy', [CompletionResultType]::ParameterValue, 'Take away everything of a management cluster, and prove that it is gone')
            [CompletionResult]::new('gc', 'gc', [CompletionResultType]::ParameterValue, 'Take away what carries a Butler marker and belongs to no living cluster')
            [CompletionResult]::new('attach', 'attach', [CompletionResultType]::ParameterValue, 'Show a run that another terminal started, or the last one')
            [CompletionResult]::new('cancel', 'cancel', [CompletionResultType]::ParameterValue, 'End the run that works on a cluster, cleanly')
            [CompletionResult]::new('why', 'why', [CompletionResultType]::ParameterValue, 'Tell what an operation waits for, and why it is not so')
            [CompletionResult]::new('replay', 'replay', [CompletionResultType]::ParameterValue, 'Show a run again, from its events')
            [CompletionResult]::new('inmemory', 'inmemory', [CompletionResultType]::ParameterValue, 'The simulated world: machines, Talos and Kubernetes on this computer')
            [CompletionResult]::new('embedded', 'embedded', [CompletionResultType]::ParameterValue, 'The API server that the bootstrap uses, on its own')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('version', 'version', [CompletionResultType]::ParameterValue, 'Print the version, and what new clusters run by default')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'butleradm;help;bootstrap' {
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON schema of the bootstrap configuration, for editors')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the clusters of this home: how far each is, how its last run ended, and who works on it')
            [CompletionResult]::new('export', 'export', [CompletionResultType]::ParameterValue, 'Hand a cluster over to another home: write its state into an encrypted archive')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Take a cluster over from another home')
            break
        }
        'butleradm;help;bootstrap;schema' {
            break
        }
        'butleradm;help;bootstrap;list' {
            break
        }
        'butleradm;help;bootstrap;export' {
            break
        }
        'butleradm;help;bootstrap;import' {
            break
        }
        'butleradm;help;destroy' {
            break
        }
        'butleradm;help;gc' {
            break
        }
        'butleradm;help;attach' {
            break
        }
        'butleradm;help;cancel' {
            break
        }
        'butleradm;help;why' {
            break
        }
        'butleradm;help;replay' {
            break
        }
        'butleradm;help;inmemory' {
            [CompletionResult]::new('up', 'up', [CompletionResultType]::ParameterValue, 'Start the simulated world, unless it runs')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Print what is in the simulated world')
            [CompletionResult]::new('down', 'down', [CompletionResultType]::ParameterValue, 'End the simulated world and everything in it')
            [CompletionResult]::new('approve', 'approve', [CompletionResultType]::ParameterValue, 'Approve a login that waits at a simulated Butler server, as its person would in a browser')
            [CompletionResult]::new('deny', 'deny', [CompletionResultType]::ParameterValue, 'Deny a login that waits at a simulated Butler server')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Run the simulated world in this process')
            break
        }
        'butleradm;help;inmemory;up' {
            break
        }
        'butleradm;help;inmemory;status' {
            break
        }
        'butleradm;help;inmemory;down' {
            break
        }
        'butleradm;help;inmemory;approve' {
            break
        }
        'butleradm;help;inmemory;deny' {
            break
        }
        'butleradm;help;inmemory;serve' {
            break
        }
        'butleradm;help;embedded' {
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Serve a Kubernetes-compatible API from a folder, until Ctrl-C or SIGTERM')
            break
        }
        'butleradm;help;embedded;serve' {
            break
        }
        'butleradm;help;completion' {
            break
        }
        'butleradm;help;version' {
            break
        }
        'butleradm;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
