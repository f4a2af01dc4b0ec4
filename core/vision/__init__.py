"""The science: from pictures to people. Rooms here know nothing of each other, `models` aside."""
