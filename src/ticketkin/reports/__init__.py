"""The HTML report: its material, figures, wording and page."""
