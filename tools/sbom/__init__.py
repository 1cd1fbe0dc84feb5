"""What lies in an image, and under which licences: a CycloneDX document per image, held against a reviewed list."""
