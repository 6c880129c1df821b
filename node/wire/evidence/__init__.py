"""Files that prove something to strangers, and their verification: evidence, findings, forks, bundles, completeness."""
