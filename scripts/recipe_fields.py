"""Write the page of a recipe's fields (docs/recipe-fields.md) from the recipe.

python scripts/recipe_fields.py
"""

from pathlib import Path

from keras_sr.tasks.recipe_fields import as_markdown

PAGE = Path(__file__).parents[1] / "docs" / "recipe-fields.md"
HEAD = """# Fields of a recipe

<!-- Made by scripts/recipe_fields.py from src/keras_sr/training/recipe.py. -->

Change any of them with `--set`, such as `keras-sr train compact --data photos/ --set steps=5000`, or with
`settings=["steps=5000"]` from Python. Separate several values with commas. The defaults are the paper's;
`--fields` shows the values of a recipe:

```sh
keras-sr train compact --fields
```

"""


def page() -> str:
    """Return the page."""
    return HEAD + as_markdown()


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
