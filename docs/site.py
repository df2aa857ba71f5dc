"""Hooks of the site's build: results that lie elsewhere in the repository, pages that the navigation leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ELSEWHERE = (
    "training/*.md",
    "training/figures/*.png",
    "training/figures/*.csv",
    "training/studies/*.png",
    "applications/*/README.md",
    "applications/*/*.py",
)


def on_files(files: Files, config: Any) -> Files:
    """Take up pages and pictures from beside `docs/`; links among them stay as they are."""
    root = Path(config.config_file_path).parent
    for pattern in ELSEWHERE:
        for path in sorted(root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            files.append(File(name, str(root), config.site_dir, config.use_directory_urls))
    return files


def on_nav(nav: Any, config: Any, files: Files) -> Any:
    """Add pages of `docs/` that the navigation does not name at its end, so that none is lost."""
    named = {page.file.src_uri for page in nav.pages}
    for file in files.documentation_pages():
        if file.src_uri not in named and file.page is not None:
            nav.items.append(file.page)
    return nav
