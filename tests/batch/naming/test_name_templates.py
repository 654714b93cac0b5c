"""Name templates: known fields are filled in, everything else is refused in one sentence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srgan_gp.batch.naming.name_templates import FIELDS, Template
from srgan_gp.errors import UsageError

VALUES = dict.fromkeys(FIELDS, "?") | {"stem": "a.b", "scale": "4"}


def test_fields_are_filled_in_and_doubled_braces_are_braces():
    assert Template.parse("{{{stem}}}_{scale}x").fill(VALUES) == "{a.b}_4x"


def test_every_field_can_be_used():
    for field in FIELDS:
        assert Template.parse(f"{{{field}}}").fill(VALUES | {field: "value"}) == "value"


@pytest.mark.parametrize(
    "text",
    ["{ext}", "{stem.__class__}", "{stem[0]}", "{0}", "{}", "{stem!r}", "{stem:>10}", "{ stem}"],
)
def test_anything_but_a_field_is_refused_with_the_fields_that_there_are(text):
    with pytest.raises(UsageError, match=r"unknown field .*\{stem\}, \{name\}") as refusal:
        Template.parse(text)
    assert text in str(refusal.value)


@pytest.mark.parametrize("text", ["{stem", "stem}", "{{stem}", "}{"])
def test_a_lone_brace_is_refused(text):
    with pytest.raises(UsageError, match="brace without its partner"):
        Template.parse(text)


@pytest.mark.parametrize("text", ["a/{stem}", "a\\{stem}", "../{stem}", "{stem}\0"])
def test_a_template_names_no_folder(text):
    with pytest.raises(UsageError, match="names a file, not a folder"):
        Template.parse(text)


def test_an_empty_template_is_refused():
    with pytest.raises(UsageError, match="empty"):
        Template.parse("")


def test_a_value_never_leads_into_another_folder():
    assert Template.parse("{model}").fill(VALUES | {"model": "../a\\b"}) == ".._a_b"


@settings(deadline=None, database=None, derandomize=True)
@given(st.text(max_size=12))
def test_any_text_is_a_template_or_is_refused(text):
    try:
        template = Template.parse(text)
    except UsageError:
        return
    assert isinstance(template.fill(VALUES), str)
