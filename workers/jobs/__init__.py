"""What arq runs. Each job opens a unit and calls one verb; it takes ids and gives nothing back."""
