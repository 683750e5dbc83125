"""What maps draw: wards with their public numbers, heat, and jobs, as tiles or as GeoJSON."""
