# Aliases of packaging/bootstrap.py, which does the set-up and runs on machines without make too.
PYTHON ?= python3
BOOTSTRAP = $(PYTHON) packaging/bootstrap.py

.PHONY: run test check slow faults bench setup
run:    ; @$(BOOTSTRAP) run
test:   ; @$(BOOTSTRAP) test
check:  ; @$(BOOTSTRAP) check
slow:   ; @$(BOOTSTRAP) slow
faults: ; @$(BOOTSTRAP) faults
bench:  ; @$(BOOTSTRAP) bench
setup:  ; @$(BOOTSTRAP) setup
