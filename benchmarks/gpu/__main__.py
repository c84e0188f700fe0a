"""`python -m benchmarks.gpu`: the table, or with `--check FILE` the fifteen checks."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.gpu.checks import run_checks
from benchmarks.gpu.setting import Setting, small_setting
from covidreport.inference.providers import provider_named


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--provider", choices=["cuda", "tensorrt", "cpu"], default="cuda")
    parser.add_argument("--models", nargs="+", default=["resnet18", "vgg16"])
    parser.add_argument("--precisions", nargs="+", help="all that the provider has without any")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 2, 4, 9, 18])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--check", type=Path, metavar="FILE", help="the fifteen checks, into this JSON lines file"
    )
    parser.add_argument("--only", nargs="+", default=[], help="of the checks, those of these names")
    parser.add_argument("--small", action="store_true", help="checks of tiny models on few images")
    options = parser.parse_args()
    options.precisions = options.precisions or provider_named(options.provider).precisions
    if options.check is None:
        from benchmarks.gpu.throughput import print_table

        print_table(options)
    else:
        setting = small_setting(options.provider) if options.small else Setting(options.provider)
        raise SystemExit(run_checks(setting, options.check, options.only))


if __name__ == "__main__":
    main()
