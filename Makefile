# make demo: install and run the main job on the built-in sample. make test: install and run the tests.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: demo test lint bench bench-user bench-memory bench-quality bench-denoising bench-inpainting bench-few-views clean

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is wanted, this is " + sys.version.split()[0] + "; run: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.'
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,astra,vendor]'
	@touch $@

$(VENV)/.ready-bench: $(VENV)/.ready-test
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@

demo: $(VENV)/.ready
	$(PY) reconstruct.py output=runs/demo
	@echo "The tomogram is runs/demo/tomogram.mrc, its picture runs/demo/preview.png (the truth: runs/demo/truth.mrc)."

test: $(VENV)/.ready-test
	$(PY) -m pytest

lint: $(VENV)/.ready-test
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

bench: $(VENV)/.ready-bench
	$(PY) -m benchmarks.projectors
	$(PY) -m benchmarks.projectors_summary

bench-user: $(VENV)/.ready-bench
	$(PY) -m benchmarks.time_to_error
	$(PY) -m benchmarks.time_to_error_summary
	$(PY) -m benchmarks.end_to_end
	$(PY) -m benchmarks.end_to_end_summary

bench-memory: $(VENV)/.ready-test
	$(PY) -m benchmarks.memory

bench-quality: $(VENV)/.ready-test
	$(PY) -m benchmarks.quality --again
	$(PY) -m benchmarks.quality_atoms

bench-few-views: $(VENV)/.ready-test
	$(PY) -m benchmarks.few_views
	$(PY) -m benchmarks.few_views_summary

bench-denoising: $(VENV)/.ready-test
	$(PY) -m benchmarks.denoising --again
	$(PY) -m benchmarks.denoising_atoms
	$(PY) -m benchmarks.denoising_summary

bench-inpainting: $(VENV)/.ready-test
	$(PY) -m benchmarks.inpainting --again
	$(PY) -m benchmarks.inpainting_summary

clean:
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
