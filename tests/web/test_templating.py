"""Words that are known beforehand stand in the compiled template; the others are asked for, as ever."""

from __future__ import annotations

from gettext import NullTranslations

import pytest
from jinja2 import DictLoader

from web.rendering import environment, icon, visible
from web.templating import Templates


class Counted(NullTranslations):
    """Puts words into quotes, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def gettext(self, message: str) -> str:
        self.asked += 1
        return f"«{message}»"


@pytest.fixture
def words() -> Counted:
    return Counted()


@pytest.fixture
def templates(words: Counted) -> Templates:
    return Templates(DictLoader({}), words, {"icon": icon}, visible)


def test_literal_words_are_asked_for_once(templates: Templates, words: Counted) -> None:
    source = """{{ _("Save") }} {% trans %}Go{% endtrans %} {{ _("of %(x)s", x=x) }} {{ icon("inbox") }}"""
    made = templates.from_string(source)
    assert words.asked == 3
    for value in ("<b>", "1"):
        escaped = value.replace("<", "&lt;").replace(">", "&gt;")
        assert made.render(x=value) == f"«Save» «Go» «of {escaped}» {icon('inbox')}"
    assert words.asked == 3


def test_words_of_a_variable_are_asked_for_each_time(templates: Templates, words: Counted) -> None:
    made = templates.from_string("{% for each in all %}{{ _(each) }}{% endfor %}")
    assert words.asked == 0
    assert made.render(all=["Save", "<i>"]) == "«Save»«<i>»"
    assert words.asked == 2


def test_a_translation_is_markup_and_a_format_with_and_without_values(templates: Templates) -> None:
    made = templates.from_string("""{{ _("<b>100 %%</b>") }} {{ _("%(n)s %%", n=5) }}""")
    assert made.render() == "«<b>100 %</b>» «5 %»"


def test_what_cannot_be_seen_shows_within_words(templates: Templates) -> None:
    assert templates.from_string("""{{ _("by %(x)s", x=x) }}""").render(x="a\u202eb") == "«by a\ufffdb»"


def test_each_language_has_templates_of_its_own() -> None:
    source = """{{ _("Sign in") }} {{ 1779087600|day(year=False) }} {{ 1234567|number }}"""
    assert environment("ru").from_string(source).render() == "Войти 18 мая 1\u202f234\u202f567"
    assert environment("en").from_string(source).render() == "Sign in 18 May 1,234,567"
