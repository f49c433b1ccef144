"""Every screen of the signing origin at two widths, in both languages and colour schemes.

axe-core finds nothing, nothing is wider than the window, the printed sheet is one page.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.browser.shoot_signing import take


@pytest.mark.long
def test_every_screen_is_accessible_and_fits(tmp_path: Path) -> None:
    assert take(tmp_path) == []
    sheets = sorted(tmp_path.glob("*-paper.pdf"))
    assert [len(PdfReader(sheet).pages) for sheet in sheets] == [1] * 4
