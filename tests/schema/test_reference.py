from runner.schema.reference import key_reference

DEFS = {
    "Reference": {"type": "string"},
    "Part": {
        "description": "A part.",
        "properties": {
            "name": {"description": "A | name. Required.", "anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]},
            "size": {
                "description": "Its size.",
                "default": 0.5,
                "examples": ["20%"],
                "anyOf": [
                    {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
                    {"type": "array", "items": {"type": "integer"}},
                    {"$ref": "#/$defs/Reference"},
                ],
            },
        },
        "allOf": [
            {
                "if": {"properties": {"name": {"const": name}}},
                "then": {"properties": {"depth": {"description": "Its depth.", "anyOf": [{}]}}},
            }
            for name in ("a", "b")
        ],
    },
}


def test_tables_have_a_row_for_each_key() -> None:
    part = {"description": "The part.", "anyOf": [{"$ref": "#/$defs/Part"}]}
    schema = {"$defs": DEFS, "properties": {"part": part}}

    head = ["| key | type | default | meaning | example |", "|---|---|---|---|---|"]
    assert key_reference(schema).splitlines() == [
        *head,
        "| `part` | mapping |  | The part. |  |",
        "",
        "## `part`",
        "",
        "A part.",
        "",
        *head,
        r"| `part.name` | `a`, `b` | required | A \| name. |  |",
        "| `part.size` | number ≥ 0, < 1 or list of whole numbers | `0.5` | Its size. | `20%` |",
        "| `part.depth` of `a`, `b` | any |  | Its depth. |  |",
    ]


def test_the_tables_of_a_recipe_lead_to_the_deepest_key() -> None:
    rows = {
        line.split("|")[1].strip(): line for line in key_reference().splitlines() if line.startswith("| ")
    }

    assert rows["`layers.RULE.block.in`"].startswith(
        "| `layers.RULE.block.in` | whole number ≥ 1 | required |"
    )
    assert "| `adam` |" in rows["`training.optimizer.name`"]
    assert rows["`training.optimizer.momentum` of `rmsprop`, `sgd`"].endswith(
        "| number ≥ 0, < 1 | `0.0` | Decay of the velocity; 0 is none. |  |"
    )
