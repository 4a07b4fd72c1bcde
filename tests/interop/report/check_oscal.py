"""check_oscal.py SCHEMA CONTROLS DOCUMENT…: validates OSCAL documents, and that the controls they name exist in NIST SP 800-53r5
under the titles that they give them.

Exit status 77: the validator is not installed."""
import json
import re
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)


def portable(node):
    """The schema's patterns are for engines that know \\p{L} and \\p{N}; ours are ASCII."""
    if isinstance(node, dict):
        return {key: value.replace(r"\p{L}", "[A-Za-z]").replace(r"\p{N}", "[0-9]") if key == "pattern" and isinstance(value, str) else portable(value)
                for key, value in node.items()}
    return [portable(item) for item in node] if isinstance(node, list) else node


def titles(document):
    """Of the controls in a component definition."""
    for component in document.get("component-definition", {}).get("components", []):
        for implementation in component["control-implementations"]:
            for requirement in implementation["implemented-requirements"]:
                yield requirement["control-id"], requirement["remarks"]


schema_path, controls_path, *documents = sys.argv[1:]
with open(schema_path, encoding="utf-8") as file:
    validator = jsonschema.Draft7Validator(portable(json.load(file)))
with open(controls_path, encoding="utf-8") as file:
    known = dict(line.rstrip("\n").split("\t") for line in file)
failed = False
for path in documents:
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    for error in map(jsonschema.exceptions.best_match, ([error] for error in validator.iter_errors(document))):
        failed = True
        print(f"{path}: {list(error.absolute_path)}: {error.message[:300]}")
    named = set(re.findall(r'"control-id": "([^"]+)"', json.dumps(document)))
    print(f"{path}: {sorted(named - known.keys())} are no controls" if named - known.keys() else f"{path}: {len(named)} controls, valid")
    failed = failed or bool(named - known.keys()) or not named
    # An enhancement's title has its control's before it.
    for control, title in titles(document):
        family, _, enhancement = control.partition(".")
        right = known.get(control) if not enhancement else f"{known.get(family)} | {known.get(control)}"
        if title != right:
            failed = True
            print(f"{path}: {control} is {right!r}, not {title!r}")
    # What it must refuse, or it would accept anything.
    broken = json.loads(json.dumps(document))
    next(iter(broken.values()))["uuid"] = "not one"
    if not list(validator.iter_errors(broken)):
        failed = True
        print(f"{path}: the validator accepts what is wrong")
sys.exit(1 if failed else 0)
