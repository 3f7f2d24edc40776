"""The demo model: answers without a key and without a network, and shows what tools and approvals look like."""
