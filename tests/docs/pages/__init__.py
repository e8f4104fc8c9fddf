"""The pages of the repository, and what they name: links, headings, paths, Make targets."""
