"""Name templates: known fields are filled in, everything else is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srgan_gp.batch.naming.name_templates import FIELDS, Template
from srgan_gp.errors import UsageError

VALUES = dict.fromkeys(FIELDS, "?") | {"stem": "a.b", "scale": "4"}


def test_fields_are_filled_in_and_doubled_braces_are_literal():
    assert Template.parse("{{{stem}}}_{scale}x").fill(VALUES) == "{a.b}_4x"


def test_every_field_can_be_used():
    for field in FIELDS:
        assert Template.parse(f"{{{field}}}").fill(VALUES | {field: "value"}) == "value"


@pytest.mark.parametrize(
    "text",
    ["{ext}", "{stem.__class__}", "{stem[0]}", "{0}", "{}", "{stem!r}", "{stem:>10}", "{ stem}"],
)
def test_unknown_fields_are_refused_with_a_list_of_the_fields(text):
    with pytest.raises(UsageError, match=r"unknown field .*\{stem\}, \{name\}") as refusal:
        Template.parse(text)
    assert text in str(refusal.value)


@pytest.mark.parametrize("text", ["{stem", "stem}", "{{stem}", "}{"])
def test_a_single_brace_is_refused(text):
    with pytest.raises(UsageError, match="has a single brace"):
        Template.parse(text)


@pytest.mark.parametrize("text", ["a/{stem}", "a\\{stem}", "../{stem}", "{stem}\0"])
def test_a_template_cannot_name_a_folder(text):
    with pytest.raises(UsageError, match="names a file, not a folder"):
        Template.parse(text)


def test_an_empty_template_is_refused():
    with pytest.raises(UsageError, match="empty"):
        Template.parse("")


def test_a_value_cannot_name_another_folder():
    assert Template.parse("{model}").fill(VALUES | {"model": "../a\\b"}) == ".._a_b"


@settings(deadline=None, database=None, derandomize=True)
@given(st.text(max_size=12))
def test_any_text_is_a_template_or_refused(text):
    try:
        template = Template.parse(text)
    except UsageError:
        return
    assert isinstance(template.fill(VALUES), str)
