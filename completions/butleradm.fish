complete --keep-order --exclusive --command butleradm --arguments "(COMPLETE=fish butleradm -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
