"""The rules as their files state them."""

import re

import yaml

RULE = re.compile(
    r"^(?:use rule (\w+) as (\w+) with|rule (\w+)):\n((?:[ ].*\n|\n)*)", re.M
)


def read_rules(root):
    """Name -> (directives of the rule and of the rule it inherits from, body)."""
    found = {}
    main = root / "workflow/Snakefile"
    # in order of inclusion, since a rule may inherit from one of an earlier file
    included = re.findall(r'^include: "(.+)"', main.read_text(), re.M)
    for path in [*(root / "workflow" / name for name in included), main]:
        for base, heir, name, body in RULE.findall(path.read_text()):
            directives = set(re.findall(r"^    (\w+):", body, re.M))
            inherited, text = found.get(base, (set(), ""))
            found[heir or name] = (directives | inherited, text + body)
    text = (root / "workflow/rules/results.smk").read_text()
    loop = text[
        text.index("    rule:\n") : text.index("\n\n\n", text.index("    rule:\n"))
    ]
    directives = set(re.findall(r"^        (\w+):", loop, re.M))
    for job in yaml.safe_load((root / "workflow/results.yaml").read_text())["jobs"]:
        found[f"write_{job}"] = (directives, loop)
    return found


def last(pattern, body):
    """What a pattern captures where it occurs last: the heir's, not its base's."""
    found = re.findall(pattern, body)
    return found[-1] if found else None
