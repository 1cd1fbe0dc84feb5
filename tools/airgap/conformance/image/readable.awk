# Code is read, not executed. Runs after the changes that mutate(…) makes by itself.
/ type=file/ { sub(/mode=0755/, "mode=" mode) }
