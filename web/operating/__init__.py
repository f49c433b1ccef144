"""What the operator of the machine looks at: health, figures, the page of its condition. Nothing here changes
anything."""
