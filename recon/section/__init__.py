"""Whether the specimen is a section (film, slice, lamella), how thick it is and how it lies."""
