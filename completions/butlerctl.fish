complete --keep-order --exclusive --command butlerctl --arguments "(COMPLETE=fish butlerctl -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
