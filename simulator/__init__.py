"""Virtual assets with known damage that publish as a real site would; never imports `models`."""
